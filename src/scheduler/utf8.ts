/** Where UTF-8 may be cut. Pure. */

/** How many bytes at the end begin a character whose rest is missing: 0 to 3. Bytes that are not UTF-8 count as whole. */
export function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return lengthOf(byte) > back ? back : 0
  }
  return 0
}

/** How many bytes the character takes that starts with this byte; 0 where none starts with it. */
function lengthOf(lead: number): number {
  if (lead >= 0xf5) return 0
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}

/** Cuts into pieces of at most `limit` bytes (4 or more) without cutting a character; `rest` is an incomplete end. */
export function cut(bytes: Uint8Array, limit: number): { pieces: Uint8Array[]; rest: Uint8Array } {
  const end = bytes.length - incompleteTail(bytes)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < end;) {
    let piece = bytes.subarray(at, Math.min(end, at + limit))
    if (at + piece.length < end) piece = piece.subarray(0, piece.length - incompleteTail(piece))
    pieces.push(piece)
    at += piece.length
  }
  return { pieces, rest: bytes.subarray(end) }
}

/** How the events of a log lie in its file: kind (1 byte), length (4 bytes, big-endian), payload. Pure. */

/** In the order of their numbers in files. */
const kinds = ['status', 'stdout', 'stderr', 'end', 'denied'] as const
export type Kind = (typeof kinds)[number]

export interface Event {
  readonly kind: Kind
  readonly data: Buffer
}

export interface Entry extends Event {
  readonly id: number
}

export const headerBytes = 5
/** Largest payload: a reader's block always holds an entry. */
export const maxEntryBytes = 64 << 10

export function headerOf({ kind, data }: { readonly kind: Kind; readonly data: Uint8Array }): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt8(kinds.indexOf(kind), 0)
  header.writeUInt32BE(data.length, 1)
  return header
}

/** The entries that are whole in a block. */
export function* entriesOf(block: Buffer): Generator<Event> {
  for (let at = 0; at + headerBytes <= block.length;) {
    const length = block.readUInt32BE(at + 1)
    const end = at + headerBytes + length
    if (end > block.length) return
    yield { kind: kinds[block.readUInt8(at)] ?? 'status', data: block.subarray(at + headerBytes, end) }
    at = end
  }
}

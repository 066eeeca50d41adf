/** The names in a zip, from its central directory. Pure. */

const endMark = 0x06_05_4b_50
const entryMark = 0x02_01_4b_50
/** A comment behind the end is at most this long. */
const endBytes = 22 + 65_535

/** Names of files, folders left out. Throws words when it is no zip. */
export function namesInZip(zip: Uint8Array): string[] {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength)
  let end = zip.length - 22
  while (end >= Math.max(0, zip.length - endBytes) && view.getUint32(end, true) !== endMark) end -= 1
  if (end < 0 || zip.length < 22 || view.getUint32(end, true) !== endMark) throw new Error('this is no zip')
  const count = view.getUint16(end + 10, true)
  const names: string[] = []
  let at = view.getUint32(end + 16, true)
  for (let entry = 0; entry < count; entry += 1) {
    if (at + 46 > zip.length || view.getUint32(at, true) !== entryMark) break
    const length = view.getUint16(at + 28, true)
    const name = new TextDecoder().decode(zip.subarray(at + 46, at + 46 + length))
    if (!name.endsWith('/')) names.push(name)
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return names
}

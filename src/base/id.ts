/** UUIDv7 whose order is the order in which they were made, within one process. */
import { randomBytes } from 'node:crypto'

const counterBits = 12
let lastMs = 0
let counter = 0

/**
 * RFC 9562, method 1: 48 bits of milliseconds, then a counter where the standard allows random bits, then 62 random ones.
 * Node's own gives no order within a millisecond. A clock that goes back, or over 4096 in a millisecond, borrow from the next.
 */
export function orderedId(nowMs = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = 0
  } else {
    counter += 1
    if (counter === 1 << counterBits) {
      lastMs += 1
      counter = 0
    }
  }
  const bytes = randomBytes(16)
  bytes.writeUIntBE(lastMs, 0, 6)
  bytes.writeUInt16BE(0x7000 | counter, 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

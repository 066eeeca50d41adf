/** UUIDv7 whose order is the order in which they were made, within one process. */
import { randomUUID } from 'node:crypto'

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
  const time = lastMs.toString(16).padStart(12, '0')
  const count = counter.toString(16).padStart(3, '0')
  // Variant and random bits are the same in every version, and Node draws those of many at once.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${randomUUID().slice(19)}`
}

/** Users of vms: each has a uid and gid of its own, and none is given again while anything of its last vm may be left. */
import { randomInt } from 'node:crypto'

export class Uids {
  readonly #first: number
  readonly #count: number
  readonly #taken = new Set<number>()
  #next: number

  /** `begin`: where to begin within the range, 0 to count - 1. */
  constructor(range: { first: number; count: number }, begin = randomInt(range.count)) {
    this.#first = range.first
    this.#count = range.count
    this.#next = begin
  }

  take(): number {
    for (let tried = 0; tried < this.#count; tried++) {
      const uid = this.#first + this.#next
      // Round robin: a freed uid rests for as long as it can.
      this.#next = (this.#next + 1) % this.#count
      if (this.#taken.has(uid)) continue
      this.#taken.add(uid)
      return uid
    }
    throw new Error(`all ${this.#count} uids for vms are taken`)
  }

  /** Holds that very uid, of a vm of which something is there already. */
  hold(uid: number): void {
    this.#taken.add(uid)
  }

  free(uid: number): void {
    this.#taken.delete(uid)
  }
}

/** Users of vms: each has a uid and gid of its own, and none is given again while anything of its last vm may be left. */
import type { Scope } from '../base/scope.ts'

export class Uids {
  readonly #first: number
  readonly #count: number
  readonly #taken = new Set<number>()
  #next = 0

  constructor(range: { first: number; count: number }) {
    this.#first = range.first
    this.#count = range.count
  }

  /** Takes a uid for as long as the scope is open: register it first, so that it is freed last, after all that is its own. */
  take(scope: Scope): number {
    for (let tried = 0; tried < this.#count; tried++) {
      const uid = this.#first + this.#next
      // Round robin: a freed uid rests for as long as it can.
      this.#next = (this.#next + 1) % this.#count
      if (this.#taken.has(uid)) continue
      scope.defer('free the uid', () => void this.#taken.delete(uid))
      this.#taken.add(uid)
      return uid
    }
    throw new Error(`all ${this.#count} uids for vms are taken`)
  }
}

/** Users of vms: each has a uid and gid of its own, and none is given again while anything of its last vm may be left. */
import { randomInt } from 'node:crypto'
import type { Scope } from '../base/scope.ts'

export class Uids {
  readonly #first: number
  readonly #count: number
  readonly #taken = new Set<number>()
  #next: number

  /** `begin`: where to begin within the range, 0 to count - 1. Not where the server before began: its vms may still live. */
  constructor(range: { first: number; count: number }, begin = randomInt(range.count)) {
    this.#first = range.first
    this.#count = range.count
    this.#next = begin
  }

  /** Takes a uid for as long as the scope is open: register it first, so that it is freed last, after all that is its own. */
  take(scope: Scope): number {
    for (let tried = 0; tried < this.#count; tried++) {
      const uid = this.#first + this.#next
      // Round robin: a freed uid rests for as long as it can.
      this.#next = (this.#next + 1) % this.#count
      if (this.#taken.has(uid)) continue
      this.#hold(scope, uid)
      return uid
    }
    throw new Error(`all ${this.#count} uids for vms are taken`)
  }

  /** Takes that very uid, of a vm that lives already. False where it is not one of ours, or another vm's by now. */
  retake(scope: Scope, uid: number): boolean {
    const ours = uid >= this.#first && uid < this.#first + this.#count && !this.#taken.has(uid)
    if (ours) this.#hold(scope, uid)
    return ours
  }

  /** For a vm that lives on without us: the next to take it up has its uid then. */
  forget(uid: number): void {
    this.#taken.delete(uid)
  }

  #hold(scope: Scope, uid: number): void {
    scope.defer('free the uid', () => void this.#taken.delete(uid))
    this.#taken.add(uid)
  }
}

/** Lets in as many as may wait. */
import { VulcanError } from '../api/errors.ts'

export class Gate {
  readonly #count: () => Promise<number>
  #passing = 0
  /** No more than this wait: those that were counted last, and all that were let in since. */
  #atMost = Infinity

  /** `count`: how many wait, which takes the longer the more they are. */
  constructor(count: () => Promise<number>) {
    this.#count = count
  }

  /** Takes one in by `act`. Throws overloaded when more than `most` would wait. */
  async pass<T>(most: number, act: () => Promise<T>): Promise<T> {
    this.#passing += 1
    try {
      // Counted only where it may matter.
      if (this.#atMost + this.#passing > most) this.#atMost = await this.#count()
      if (this.#atMost + this.#passing > most) {
        throw new VulcanError('overloaded', `${this.#atMost} workloads wait already; no more are taken`)
      }
      return await act()
    } finally {
      this.#passing -= 1
      this.#atMost += 1
    }
  }
}

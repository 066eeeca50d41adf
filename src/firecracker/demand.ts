/** How often something is asked for, and how many of it should wait. */

/** What counts as lately, in milliseconds. */
const windowMs = 60_000
/** What nobody asked for in so long is given up, in milliseconds. */
const idleMs = 10 * 60_000

export class Demand {
  readonly #now: () => number
  #uses: number[] = []
  #makeMs = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** When it was asked for last; 0 for never. */
  get lastUse(): number {
    return this.#uses.at(-1) ?? 0
  }

  note(): void {
    const now = this.#now()
    this.#uses = [...this.#uses.filter((at) => now - at < windowMs), now]
  }

  /** Says how long it takes to make one, in milliseconds. */
  noteMade(ms: number): void {
    this.#makeMs = ms
  }

  /** As many as are asked for while one is made, to the nearest whole number, and one. */
  wanted(most: number): number {
    const now = this.#now()
    if (this.#uses.length === 0 || now - this.lastUse > idleMs) return 0
    const lately = this.#uses.filter((at) => now - at < windowMs).length
    return Math.min(most, 1 + Math.round((lately / windowMs) * this.#makeMs))
  }
}

/** Durations of named phases, each measured once, at its source. */
export class Phases {
  readonly #ms = new Map<string, number>()

  /** Runs a body and books its duration under that name, also when it fails. */
  async time<T>(name: string, body: () => Promise<T>): Promise<T> {
    const begun = performance.now()
    try {
      return await body()
    } finally {
      this.add(name, performance.now() - begun)
    }
  }

  add(name: string, ms: number): void {
    this.#ms.set(name, (this.#ms.get(name) ?? 0) + ms)
  }

  get(name: string): number {
    return this.#ms.get(name) ?? 0
  }

  /** All phases, in milliseconds with one decimal. */
  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.#ms].map(([name, ms]) => [name, Math.round(ms * 10) / 10]))
  }
}

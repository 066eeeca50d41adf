/** When there is time for what nobody waits for: no start is asked for, and programs that have just begun are done or long. */

/** How many times as long as its start a program has to itself. */
const settleTimes = 2

export class Calm {
  #starts = 0
  #quiet = Promise.withResolvers<void>()
  /** One for each program that has just begun. */
  readonly #settling = new Set<Promise<void>>()

  constructor() {
    this.#quiet.resolve()
  }

  /**
   * There is no calm while that starts, nor until what it started has ended, for a while in proportion to its start: many a
   * program is short, and its caller waits for its end.
   */
  async during<T>(start: () => Promise<T>, ended: (started: T) => Promise<unknown>): Promise<T> {
    if (this.#starts++ === 0) this.#quiet = Promise.withResolvers()
    const begun = performance.now()
    try {
      const started = await start()
      const settling = firstOf(ended(started), settleTimes * (performance.now() - begun))
      this.#settling.add(settling)
      void settling.finally(() => this.#settling.delete(settling))
      return started
    } finally {
      if (--this.#starts === 0) this.#quiet.resolve()
    }
  }

  /** Resolves at the next calm. Programs that begin from here on are not waited for: two clients would go on for ever. */
  async next(): Promise<void> {
    await this.#quiet.promise
    await Promise.all(this.#settling)
    await this.#quiet.promise
  }
}

/** Resolves when the promise settles, or after some milliseconds; no process is kept alive for it. */
function firstOf(promise: Promise<unknown>, ms: number): Promise<void> {
  const { promise: first, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms).unref()
  const settled = () => {
    clearTimeout(timer)
    resolve()
  }
  void promise.then(settled, settled)
  return first
}

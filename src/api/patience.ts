/** Waiting for a server that is away: for how long, and what is worth waiting for. */
import { VulcanError, type ErrorCode } from './errors.ts'

export interface PatienceOptions {
  /** Attempts in a row, without any news between, before a server that is away is given up; 8 by default. */
  readonly reconnects?: number
  /** Milliseconds before the first of them; doubles up to 5 s. */
  readonly reconnectDelayMs?: number
  /** Told once for each time that the server goes away. */
  readonly onAway?: (error: VulcanError) => void
}

const longestDelayMs = 5000
/** Errors of a server that goes, is gone, or comes. */
const passing: ReadonlySet<ErrorCode> = new Set(['server_unreachable', 'shutting_down', 'overloaded'])

export class Patience {
  readonly #options: PatienceOptions
  readonly #signal: AbortSignal | undefined
  #failures = 0

  constructor(options: PatienceOptions, signal?: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** There was news: the server is back. */
  renew(): void {
    this.#failures = 0
  }

  /** Resolves when it is time to try again. Throws the error when it will not pass, or the patience is at its end. */
  async wait(error: unknown): Promise<void> {
    const { reconnects = 8, reconnectDelayMs = 100, onAway } = this.#options
    if (!(error instanceof VulcanError) || !passing.has(error.code)) throw error
    if (this.#failures === 0) onAway?.(error)
    if (this.#failures >= reconnects) throw error
    this.#failures += 1
    await pause(Math.min(longestDelayMs, reconnectDelayMs * 2 ** (this.#failures - 1)), this.#signal)
  }

  /** The result of a request that may be repeated. */
  async keep<T>(request: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await request()
        this.renew()
        return result
      } catch (error) {
        await this.wait(error)
      }
    }
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => reject(signal?.reason as Error)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(resolve, ms)
  return promise.finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  })
}

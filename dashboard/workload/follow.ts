/** A workload's log as it comes, read on where it was left. */
import type { LogEvent } from '../../src/api/sse.ts'
import { Turn } from '../turn.ts'
import { Lines } from './lines.ts'

/** Milliseconds between two times that the page is told of news: often enough for the eye. */
const newsMs = 80

export interface LogState {
  /** Counts up with each piece of news. */
  readonly version: number
  readonly ended: boolean
  readonly error: unknown
}

interface FollowOptions {
  /** The log's events behind that one, to its end or until the signal. */
  readonly events: (after: number, signal: AbortSignal) => AsyncIterable<LogEvent>
  /** Told of each event that is no output: the record says something else since. */
  readonly onChange: () => void
}

/** What is known of one log. Told to the page at a pace, not with each event: 50 MB are many events. */
export class FollowedLog {
  readonly lines = new Lines()
  readonly #options: FollowOptions
  readonly #listeners = new Set<() => void>()
  #state: LogState = { version: 0, ended: false, error: undefined }
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The last event that was taken. */
  #after = 0

  constructor(options: FollowOptions) {
    this.#options = options
  }

  get state(): LogState {
    return this.#state
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads on to the end, or until the signal. Never rejects: what went wrong is in the state. */
  async follow(signal: AbortSignal): Promise<void> {
    if (this.#state.ended) return
    if (this.#state.error !== undefined) this.#tell({ error: undefined })
    const turn = new Turn()
    try {
      for await (const event of this.#options.events(this.#after, signal)) {
        signal.throwIfAborted()
        this.#after = event.id
        if (event.event === 'stdout' || event.event === 'stderr') this.lines.take(event.event, event.data)
        else this.#options.onChange()
        this.#soon()
        await turn.pass()
      }
      this.#tell({ ended: true })
    } catch (error) {
      if (!signal.aborted) this.#tell({ error })
    }
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#tell({}), newsMs)
  }

  #tell(news: Partial<LogState>): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#state = { ...this.#state, ...news, version: this.#state.version + 1 }
    for (const listener of this.#listeners) listener()
  }
}

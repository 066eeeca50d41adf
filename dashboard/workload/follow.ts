/** A workload's log as it comes, over as many connections as it takes, for as long as the page is open and in sight. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import { client, queries, recordQuery } from '../api.ts'
import { Turn } from '../turn.ts'
import { whileVisible } from '../visible.ts'
import { Lines } from './lines.ts'

/** Milliseconds between two times that the page is told of news: often enough for the eye. */
const newsMs = 80

export interface LogState {
  /** Counts up with each piece of news. */
  readonly version: number
  readonly ended: boolean
  readonly error: unknown
}

/** What is known of one log. Told to the page at a pace, not with each event: 50 MB are many events. */
export class FollowedLog {
  readonly lines = new Lines()
  readonly #listeners = new Set<() => void>()
  #state: LogState = { version: 0, ended: false, error: undefined }
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The last event that was taken. */
  #after = 0

  get state(): LogState {
    return this.#state
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads on to the end, or until the signal. Never rejects: what went wrong is in the state. */
  async follow(id: string, signal: AbortSignal): Promise<void> {
    if (this.#state.ended) return
    const turn = new Turn()
    try {
      for await (const event of client.logs(id, { after: this.#after, signal })) {
        signal.throwIfAborted()
        this.#after = event.id
        if (event.event === 'stdout' || event.event === 'stderr') this.lines.take(event.event, event.data)
        else void queries.invalidateQueries({ queryKey: recordQuery(id).queryKey })
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

/** The log of that workload. A page for another workload must be another component (`key`). */
export function useLog(id: string): { log: FollowedLog; state: LogState } {
  const [log, setLog] = useState(() => new FollowedLog())
  useEffect(() => {
    const stop = new AbortController()
    // A second effect on the same log would take everything twice.
    const fresh = new FollowedLog()
    setLog(fresh)
    whileVisible((signal) => void fresh.follow(id, signal), stop.signal)
    return () => stop.abort(new Error('the page was left'))
  }, [id])
  return { log, state: useSyncExternalStore(log.subscribe, () => log.state) }
}

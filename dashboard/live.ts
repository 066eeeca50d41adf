/**
 * The changes of all workloads, told to whatever shows them. A browser opens six connections to a server at most, for all of
 * its tabs together, so a stream is held only where a page uses it and only while somebody can see the tab; the page of a
 * running workload follows its log instead, by the same rule.
 */
import { useEffect } from 'react'
import type { Client } from '../src/api/client.ts'
import { Paced } from './paced.ts'
import { whileVisible } from './visible.ts'

/** Milliseconds between two looks at what changed, however often it does. */
const looksMs = 300

interface LiveOptions {
  readonly client: Pick<Client, 'changes' | 'patience'>
  /** Looks anew at what changes with any workload, and at those workloads; resolves when it was seen. */
  readonly refresh: (ids: ReadonlySet<string>) => Promise<void>
}

export class Live {
  readonly #client: LiveOptions['client']
  readonly #looks: Paced
  #ids = new Set<string>()
  #users = 0
  #stop = new AbortController()
  #isOn = false
  /** The number of the last change that was told. */
  #after: number | undefined

  constructor({ client, refresh }: LiveOptions) {
    this.#client = client
    this.#looks = new Paced(looksMs, () => {
      const ids = this.#ids
      this.#ids = new Set()
      return refresh(ids)
    })
  }

  /** Whether changes are told of; where they are not, whoever wants to know has to ask. */
  get isOn(): boolean {
    return this.#isOn
  }

  /** Follows the changes until every user is gone. */
  use(): () => void {
    if (this.#users++ === 0) {
      this.#stop = new AbortController()
      whileVisible((signal) => void this.#follow(signal), this.#stop.signal)
    }
    return () => {
      if (--this.#users > 0) return
      this.#stop.abort(new Error('nobody looks any more'))
      this.#isOn = false
      // Whoever still asks at the slow pace is to begin the quick one.
      this.#looks.wish()
    }
  }

  /** Never rejects. A key that may not follow them leaves it off. */
  async #follow(signal: AbortSignal): Promise<void> {
    const patience = this.#client.patience(signal)
    try {
      for (;;) {
        const broken = await this.#stream(signal, () => patience.renew())
        signal.throwIfAborted()
        if (this.#isOn) this.#looks.wish()
        this.#isOn = false
        await patience.wait(broken)
      }
    } catch {
      // Left, or not let in: what is on the page says so where it matters, and asks by itself.
      this.#isOn = false
    }
  }

  /** Resolves with why it broke off. */
  async #stream(signal: AbortSignal, onNews: () => void): Promise<unknown> {
    try {
      for await (const change of this.#client.changes({ after: this.#after, signal })) {
        signal.throwIfAborted()
        onNews()
        this.#isOn = true
        if (change.event === 'workload') this.#ids.add(change.data.id)
        // What was before the first number is not told of; behind a number, only what came since.
        if (change.event !== 'open' || this.#after === undefined) this.#looks.wish()
        if (change.event !== 'open') this.#after = change.id
      }
      return undefined
    } catch (error) {
      return error
    }
  }
}

/** For as long as the page is open. */
export function useLive(live: Live): void {
  useEffect(() => live.use(), [live])
}

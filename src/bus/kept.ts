/** The newest messages, and those who read along: each is no more than a place in them, so that a slow one costs nothing. */
import type { Delivery, SubscribeOptions, Subscription } from './bus.ts'
import { matcherOf } from './subjects.ts'

interface Entry {
  readonly seq: number
  readonly subject: string
  /** JSON. */
  readonly text: string
}

export class Kept {
  readonly readers = new Set<Reader>()
  readonly #slots: (Entry | undefined)[]
  #newest: number

  /** `size`: messages that are kept. */
  constructor(size: number) {
    this.#slots = Array.from({ length: size })
    // Microseconds of the epoch: numbers of an earlier process are smaller, so that who comes with one is told of the gap.
    this.#newest = Date.now() * 1000
  }

  get newest(): number {
    return this.#newest
  }

  /** Everything up to this number is gone. */
  get gone(): number {
    return this.#newest - this.#slots.length
  }

  add(subject: string, text: string): number {
    const seq = this.#newest + 1
    const slot = seq % this.#slots.length
    const old = this.#slots[slot]
    if (old) for (const reader of this.readers) reader.lose(old)
    this.#slots[slot] = { seq, subject, text }
    this.#newest = seq
    for (const reader of this.readers) reader.wake()
    return seq
  }

  at(seq: number): Entry | undefined {
    const entry = this.#slots[seq % this.#slots.length]
    return entry?.seq === seq ? entry : undefined
  }
}

/** What is replayed and what is live are read by the same steps, so that nothing is between the two. */
export class Reader implements Subscription {
  readonly #kept: Kept
  readonly #fits: (subject: string) => boolean
  readonly #signal: AbortSignal | undefined
  readonly #close = () => this.close()
  /** The newest number that was looked at. */
  #seen: number
  #lost: boolean
  #closed = false
  #changed = Promise.withResolvers<void>()

  constructor(kept: Kept, pattern: string, o: SubscribeOptions) {
    this.#kept = kept
    this.#fits = matcherOf(pattern)
    const { after = kept.newest, signal } = o
    this.#seen = Math.min(after, kept.newest)
    // Before the first message of this process nobody knows what there was, nor after the last.
    this.#lost = after > kept.newest || (after < kept.newest && !kept.at(after + 1))
    this.#signal = signal
    if (signal?.aborted) this.#closed = true
    else {
      signal?.addEventListener('abort', this.#close, { once: true })
      kept.readers.add(this)
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Delivery, undefined>> {
    for (;;) {
      if (this.#closed) return { done: true, value: undefined }
      const changed = this.#changed.promise
      const value = this.#missed() ?? this.#message()
      if (value) return { done: false, value }
      await changed
    }
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  close(): void {
    this.#closed = true
    this.#kept.readers.delete(this)
    this.#signal?.removeEventListener('abort', this.#close)
    this.wake()
  }

  /** Told of a message that goes. */
  lose({ seq, subject }: Entry): void {
    if (seq > this.#seen && this.#fits(subject)) this.#lost = true
  }

  wake(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }

  #missed(): Delivery | undefined {
    if (!this.#lost) return undefined
    this.#lost = false
    const upTo = Math.max(this.#seen, this.#firstKept() - 1)
    this.#seen = upTo
    return { kind: 'missed', upTo }
  }

  #message(): Delivery | undefined {
    const { newest, gone } = this.#kept
    for (let seq = Math.max(this.#seen, gone) + 1; seq <= newest; seq += 1) {
      this.#seen = seq
      const entry = this.#kept.at(seq)
      if (!entry || !this.#fits(entry.subject)) continue
      return { kind: 'message', subject: entry.subject, seq, data: JSON.parse(entry.text) as unknown }
    }
    return undefined
  }

  #firstKept(): number {
    const { newest, gone } = this.#kept
    for (let seq = gone + 1; seq <= newest; seq += 1) if (this.#kept.at(seq)) return seq
    return newest + 1
  }
}

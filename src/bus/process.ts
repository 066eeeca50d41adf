/** The bus in one process. */
import { VulcanError } from '../api/errors.ts'
import { abortable, deadline, DeadlineExceeded } from '../base/time.ts'
import type { Bus, HandleOptions, Handler, RequestOptions, SubscribeOptions, Subscription } from './bus.ts'
import { Kept, Reader } from './kept.ts'
import { Responder, Responders } from './responders.ts'
import { checkSubject } from './subjects.ts'

export interface ProcessBusOptions {
  /** Messages that are kept for who comes late or reads slowly. */
  readonly kept: number
}

export class ProcessBus implements Bus {
  readonly #kept: Kept
  readonly #responders = new Responders()
  readonly #closing = new AbortController()

  constructor({ kept }: ProcessBusOptions) {
    this.#kept = new Kept(kept)
  }

  async publish(subject: string, data: unknown): Promise<number> {
    this.#closing.signal.throwIfAborted()
    checkSubject(subject)
    return this.#kept.add(subject, JSON.stringify(data ?? null))
  }

  subscribe(pattern: string, o: SubscribeOptions = {}): Subscription {
    this.#closing.signal.throwIfAborted()
    return new Reader(this.#kept, pattern, o)
  }

  async request(subject: string, data: unknown, { timeoutMs, signal }: RequestOptions): Promise<unknown> {
    this.#closing.signal.throwIfAborted()
    checkSubject(subject)
    const responder = this.#responders.next(subject)
    const outer = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    try {
      const what = `asking ${subject}`
      const text = await deadline(what, { timeoutMs, signal: outer }, (inner) =>
        abortable(responder.ask(JSON.stringify(data ?? null), inner), inner),
      )
      return JSON.parse(text) as unknown
    } catch (error) {
      if (error instanceof DeadlineExceeded) throw new VulcanError('no_answer', error.message, { cause: error })
      throw error
    }
  }

  handle(subject: string, handler: Handler, o: HandleOptions = {}): Disposable {
    this.#closing.signal.throwIfAborted()
    checkSubject(subject)
    const responder = new Responder(subject, handler, o)
    this.#responders.add(subject, responder)
    return { [Symbol.dispose]: () => this.#responders.remove(subject, responder) }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new VulcanError('shutting_down', 'the bus is closed'))
    for (const reader of this.#kept.readers) reader.close()
    return Promise.resolve()
  }
}

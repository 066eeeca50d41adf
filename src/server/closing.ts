/** The end of the server, in order: new requests are refused, open streams say so, what is in flight gets time to finish. */
import type { FastifyInstance } from 'fastify'
import { VulcanError } from '../api/errors.ts'

export class Closing {
  readonly #begun = new AbortController()
  readonly #streams = new AbortController()
  #inFlight = 0
  #onIdle: (() => void) | undefined

  /** Aborted when the server goes away: open streams say so and end, those of bytes break off. */
  get streams(): AbortSignal {
    return this.#streams.signal
  }

  /** Aborted when no new request is taken; who waits for a workload gets its record so far. */
  get begun(): AbortSignal {
    return this.#begun.signal
  }

  /** Refuses new requests from now on; streams stay, so that the end of a run that is killed now still reaches them. */
  refuse(): void {
    this.#begun.abort(new VulcanError('shutting_down', 'the server is shutting down'))
  }

  /** Adds the checks; `drainMs` bounds how long a close waits for requests in flight before it cuts them off. */
  watch(app: FastifyInstance, drainMs: number): void {
    app.addHook('onRequest', (_request, reply, done) => {
      if (this.#begun.signal.aborted) {
        void reply.header('connection', 'close')
        return done(this.#begun.signal.reason as VulcanError)
      }
      this.#inFlight += 1
      // Not onResponse: of a client that went away there is none.
      reply.raw.once('close', () => {
        this.#inFlight -= 1
        if (this.#inFlight === 0) this.#onIdle?.()
      })
      done()
    })
    app.addHook('preClose', async () => {
      this.refuse()
      this.#streams.abort(this.#begun.signal.reason)
      if (this.#inFlight > 0) await this.#drained(drainMs)
    })
  }

  /** Resolves when nothing is in flight any more, or when the time is over. */
  async #drained(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    const timer = setTimeout(resolve, ms)
    await promise
    clearTimeout(timer)
  }
}

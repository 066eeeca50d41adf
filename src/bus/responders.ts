/** Who answers requests: the handlers of a subject, each with a line of its own. */
import { VulcanError } from '../api/errors.ts'
import { errorOf, problemOf } from '../api/problem.ts'
import type { HandleOptions, Handler } from './bus.ts'
import { messageOf } from '../base/words.ts'

interface Asked {
  readonly text: string
  readonly signal: AbortSignal
  readonly resolve: (answer: string) => void
  readonly reject: (error: unknown) => void
}

export class Responders {
  readonly #bySubject = new Map<string, Set<Responder>>()

  add(subject: string, responder: Responder): void {
    const group = this.#bySubject.get(subject) ?? new Set()
    this.#bySubject.set(subject, group.add(responder))
  }

  remove(subject: string, responder: Responder): void {
    const group = this.#bySubject.get(subject)
    group?.delete(responder)
    if (group?.size === 0) this.#bySubject.delete(subject)
    responder.close()
  }

  /** The one with least to do; among equals the one that was asked longest ago. Throws no_responders. */
  next(subject: string): Responder {
    const group = this.#bySubject.get(subject) ?? new Set()
    const [first, ...others] = group
    if (!first) throw nobody(subject)
    const chosen = others.reduce((least, other) => (other.busy < least.busy ? other : least), first)
    // To the end of the line.
    group.delete(chosen)
    group.add(chosen)
    return chosen
  }
}

const nobody = (subject: string) => new VulcanError('no_responders', `nobody answers to ${subject}`)

export class Responder {
  readonly #subject: string
  readonly #handler: Handler
  readonly #atOnce: number
  readonly #queued: number
  readonly #line: Asked[] = []
  #working = 0

  constructor(subject: string, handler: Handler, { atOnce = 16, queued = 1000 }: HandleOptions) {
    this.#subject = subject
    this.#handler = handler
    this.#atOnce = atOnce
    this.#queued = queued
  }

  get busy(): number {
    return this.#working + this.#line.length
  }

  /** The answer as JSON. */
  ask(text: string, signal: AbortSignal): Promise<string> {
    if (this.#line.length >= this.#queued) {
      throw new VulcanError('overloaded', `${this.#line.length} requests to ${this.#subject} wait already`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    this.#line.push({ text, signal, resolve, reject })
    this.#work()
    return promise
  }

  /** Turns away who waits; what is worked on is answered. */
  close(): void {
    for (const { reject } of this.#line.splice(0)) reject(nobody(this.#subject))
  }

  #work(): void {
    while (this.#working < this.#atOnce) {
      const asked = this.#line.shift()
      if (!asked) return
      // Who asked has gone.
      if (asked.signal.aborted) continue
      this.#working += 1
      void this.#answer(asked).finally(() => {
        this.#working -= 1
        this.#work()
      })
    }
  }

  async #answer({ text, signal, resolve, reject }: Asked): Promise<void> {
    try {
      const answer = await this.#handler(JSON.parse(text), signal)
      resolve(JSON.stringify(answer ?? null))
    } catch (error) {
      reject(travelled(error))
    }
  }
}

/** An error as it is on the other side of a wire. */
function travelled(error: unknown): VulcanError {
  const words = messageOf(error)
  const problem = problemOf(error instanceof VulcanError ? error : new VulcanError('internal', words))
  return errorOf(problem, problem.status)
}

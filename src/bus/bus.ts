/**
 * The port by which parts of Vulcan tell and ask each other things. In one process now; over a network later, so nothing
 * but JSON crosses it, nobody shares an object, and an answer may not come.
 */

export interface Message {
  readonly kind: 'message'
  readonly subject: string
  /** Grows with each message of the bus, whatever its subject. */
  readonly seq: number
  readonly data: unknown
}

/** Some of what was published up to this number is not kept any more, and this subscriber has not had it. */
export interface Missed {
  readonly kind: 'missed'
  readonly upTo: number
}

export type Delivery = Message | Missed

/** What is delivered, in the order of `seq`, each once. For one reader; ends when the bus or the subscription is closed. */
export interface Subscription extends AsyncIterableIterator<Delivery, undefined>, AsyncDisposable {
  return(): Promise<IteratorReturnResult<undefined>>
}

export interface SubscribeOptions {
  /** Begins with what is kept after this number; without it, with what comes from now on. */
  readonly after?: number | undefined
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined
}

export interface RequestOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

export interface HandleOptions {
  /** Requests that are worked on at once; others wait. */
  readonly atOnce?: number
  /** Requests that wait at most; more are refused with `overloaded`. */
  readonly queued?: number
}

/** `signal` is aborted when nobody waits for the answer any more, or the bus is closed. */
export type Handler = (data: unknown, signal: AbortSignal) => unknown

/**
 * Subjects are words of A-Z, a-z, 0-9, `_` and `-`, joined by dots; a pattern may end in `.>`, or be `>`, for any words
 * that follow. Everything else throws invalid_field; everything on a bus that is closed throws shutting_down.
 */
export interface Bus extends AsyncDisposable {
  /** Resolves with the message's number once it is kept. Never waits for a subscriber. */
  publish(subject: string, data: unknown): Promise<number>

  subscribe(pattern: string, o?: SubscribeOptions): Subscription

  /**
   * Has one of the subject's handlers answer. Rejects with no_responders at once where there is none, no_answer when the
   * time is over, the signal's reason, or what the handler threw as a VulcanError.
   */
  request(subject: string, data: unknown, o: RequestOptions): Promise<unknown>

  /** Answers a subject's requests until it is disposed of. Handlers of one subject share its requests. */
  handle(subject: string, handler: Handler, o?: HandleOptions): Disposable
}

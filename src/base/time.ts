/** Deadlines. Every wait in Vulcan has one. */

/** A wait that ran out of time. The message says what was awaited and for how long. */
export class DeadlineExceeded extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what}: not done after ${timeoutMs} ms`)
    this.name = 'DeadlineExceeded'
  }
}

export interface DeadlineOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs an operation under a deadline and an optional outer signal. The operation gets a signal that is aborted by
 * either; its own promise is what is awaited, so that a late success is seen (and undone) by the operation itself.
 */
export async function deadline<T>(
  what: string,
  options: DeadlineOptions,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal } = options
  const inner = new AbortController()
  const stop = () => inner.abort(signal?.reason)
  // Not AbortSignal.any, which takes ten times as long.
  if (signal?.aborted) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  const timer = setTimeout(() => inner.abort(new DeadlineExceeded(what, timeoutMs)), timeoutMs)
  try {
    return await operation(inner.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

/** Resolves after some milliseconds; rejects with the signal's reason when it is aborted first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  if (signal?.aborted) return Promise.reject(signal.reason as Error)
  const onAbort = () => {
    clearTimeout(timer)
    reject(signal?.reason as Error)
  }
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', onAbort)
    resolve()
  }, ms)
  signal?.addEventListener('abort', onAbort, { once: true })
  return promise
}

/** Settles as the promise does, or rejects with the signal's reason as soon as it is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined)
    return Promise.reject(signal.reason as Error)
  }
  const { promise: result, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return result
}

/** A close stack: everything acquired outside the process is registered here before it is acquired. */
import { messageOf } from './words.ts'

interface Undo {
  readonly step: string
  readonly act: () => void | Promise<void>
}

/** One undo that failed, with the step it belonged to. */
export class UndoFailed extends Error {
  readonly step: string

  constructor(scope: string, step: string, cause: unknown) {
    super(`${scope}: undoing "${step}" failed: ${messageOf(cause)}`, { cause })
    this.name = 'UndoFailed'
    this.step = step
  }
}

export interface ScopeOptions {
  /** Deadline of each undo, in milliseconds. An undo never takes the operation's own signal: that one is aborted. */
  readonly undoTimeoutMs?: number
}

export class Scope implements AsyncDisposable {
  readonly name: string
  readonly #undoTimeoutMs: number
  readonly #undos: Undo[] = []
  #closing: Promise<void> | undefined

  constructor(name: string, options: ScopeOptions = {}) {
    this.name = name
    this.#undoTimeoutMs = options.undoTimeoutMs ?? 30_000
  }

  /** True once close was called; nothing may be acquired in this scope any more. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Registers an undo. Call it before the act it undoes; it must be harmless when nothing was done.
   * Throws when the scope is already closing, so that a late acquisition cannot slip past the close.
   */
  defer(step: string, act: () => void | Promise<void>): void {
    if (this.#closing) throw new Error(`${this.name}: "${step}" came after the scope was closed`)
    this.#undos.push({ step, act })
  }

  /** A scope inside this one, whose place in the order of undoing is fixed now, whatever it will hold. */
  inner(step: string): Scope {
    const nested = new Scope(step)
    this.defer(step, () => nested.close())
    return nested
  }

  /**
   * Runs every undo, last registered first, each with its own deadline; one that fails does not stop the rest.
   * Every caller awaits the same close. Rejects with an AggregateError of UndoFailed when some failed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#unwind()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #unwind(): Promise<void> {
    const failures: UndoFailed[] = []
    for (let undo = this.#undos.pop(); undo; undo = this.#undos.pop()) {
      try {
        await within(this.#undoTimeoutMs, undo.act)
      } catch (cause) {
        failures.push(new UndoFailed(this.name, undo.step, cause))
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((f) => f.message).join('; '))
  }
}

/**
 * Runs a body in a new scope that outlives it: on success the scope is handed to the caller inside the result,
 * on failure everything is undone and the body's error is thrown. Undo failures go to `onUndoFailure`.
 */
export async function acquire<T>(
  scope: Scope,
  body: (scope: Scope) => Promise<T>,
  onUndoFailure: (failure: unknown) => void,
): Promise<T> {
  try {
    return await body(scope)
  } catch (error) {
    await scope.close().catch(onUndoFailure)
    throw error
  }
}

async function within(timeoutMs: number, act: () => void | Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([Promise.resolve().then(act), deadline])
  } finally {
    clearTimeout(timer)
  }
}

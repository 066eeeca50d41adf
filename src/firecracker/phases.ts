/** Named phases of one start and run, each timed once, at its source. */
import { VulcanError } from '../api/errors.ts'
import type { RunFacts } from '../backend/backend.ts'
import { DeadlineExceeded } from '../base/time.ts'
import { messageOf } from '../base/words.ts'

type Known = Pick<RunFacts, 'phasesMs' | 'phasesAtMs'>

export class Phases {
  #origin = performance.now()
  readonly #ms = new Map<string, number>()
  readonly #at = new Map<string, number>()
  readonly #failed = new WeakMap<Error, string>()

  /** Goes on with those of a run that began its last phase so many milliseconds ago. */
  static after({ phasesMs, phasesAtMs = {} }: Known, agoMs: number): Phases {
    const phases = new Phases()
    for (const [name, ms] of Object.entries(phasesMs)) phases.#ms.set(name, ms)
    for (const [name, ms] of Object.entries(phasesAtMs)) phases.#at.set(name, ms)
    phases.#origin -= agoMs + Math.max(0, ...phases.#at.values())
    return phases
  }

  /** Books time that somebody else has measured. */
  add(name: string, ms: number): void {
    this.#ms.set(name, (this.#ms.get(name) ?? 0) + ms)
  }

  /** Books the last milliseconds of a phase that has just ended as those of the one behind it; it has no more than it took. */
  cede(from: string, to: string, ms: number): void {
    const ceded = Math.min(Math.max(0, ms), this.#ms.get(from) ?? 0)
    this.add(from, -ceded)
    this.add(to, ceded)
    const at = Math.max(performance.now() - this.#origin - ceded, this.#at.get(from) ?? 0)
    if (!this.#at.has(to)) this.#at.set(to, at)
  }

  /** Runs a body and books its beginning and duration under that name, also when it fails; a name twice adds up. */
  async time<T>(name: string, body: () => Promise<T>): Promise<T> {
    const begun = performance.now()
    if (!this.#at.has(name)) this.#at.set(name, begun - this.#origin)
    try {
      return await body()
    } catch (error) {
      // Phases lie within others; the innermost sees the error first, and says the most.
      if (error instanceof Error && !this.#failed.has(error)) this.#failed.set(error, name)
      throw error
    } finally {
      this.add(name, performance.now() - begun)
    }
  }

  /** The phase that an error was thrown in, the innermost. */
  failedIn(error: unknown): string | undefined {
    return error instanceof Error ? this.#failed.get(error) : undefined
  }

  /** What a start rejects with. An abort keeps its reason; that there was no time left says what took it. */
  reasonOf(error: unknown, signal: AbortSignal): unknown {
    return signal.aborted && !(signal.reason instanceof DeadlineExceeded) ? error : this.named(error)
  }

  /** The error as a VulcanError with the step it came from: its own, else the phase it was thrown in. */
  named(error: unknown): VulcanError {
    if (error instanceof VulcanError && error.step !== undefined) return error
    const step = this.failedIn(error) ?? 'start'
    const { code, hint } = error instanceof VulcanError ? error : { code: 'vm_start_failed' as const }
    return new VulcanError(code, messageOf(error), { step, hint, cause: error })
  }

  /** How long each phase took, in milliseconds with one decimal. */
  toRecord(): Record<string, number> {
    return tenths(this.#ms)
  }

  /** When each phase began first, in milliseconds since these phases were made, with one decimal. */
  begun(): Record<string, number> {
    return tenths(this.#at)
  }
}

const tenths = (named: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...named].map(([name, ms]) => [name, Math.round(ms * 10) / 10]))

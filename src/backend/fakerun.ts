/** Who holds a scripted program now: what a run is for the rest of Vulcan. */
import type { Chunk, Exit, KillReason, Recovery, Run, RunFacts, Seen } from './backend.ts'
import { type Conversation, Transcript } from './conversation.ts'
import type { Denial } from './denial.ts'
import type { FakeProgram } from './fakeprogram.ts'

interface FakeRunParts {
  readonly program: FakeProgram
  readonly from: Recovery
  /** Takes the program out of what is live. */
  readonly gone: () => void
}

export class FakeRun implements Run {
  readonly id: string
  readonly output: AsyncIterable<Chunk>
  readonly denied: AsyncIterable<Denial>
  readonly #parts: FakeRunParts
  readonly #exited = Promise.withResolvers<Exit>()
  readonly #read: { stdout: number; stderr: number }
  readonly #timer: NodeJS.Timeout
  readonly #transcript = new Transcript()
  #held = true
  /** By Date.now(). */
  #endedAt: number | undefined

  constructor(parts: FakeRunParts) {
    const { program, from } = parts
    this.id = program.spec.id
    this.#parts = parts
    this.#read = { ...from.seen }
    this.output = { [Symbol.asyncIterator]: () => this.#pieces() }
    this.denied = { [Symbol.asyncIterator]: () => this.#refusals() }
    this.#transcript.note({ from: 'host', kind: 'exec', bytes: 0 })
    const leftMs = from.startedAt + program.spec.resources.timeoutMs - Date.now()
    this.#timer = setTimeout(() => this.kill('timeout'), Math.max(0, leftMs))
    void program.exited.then((exit) => this.#end(exit))
  }

  get exited(): Promise<Exit> {
    return this.#exited.promise
  }

  get held(): boolean {
    return this.#held
  }

  facts(): RunFacts {
    const { facts, startedAt } = this.#parts.from
    const { phasesMs, phasesAtMs, vsock } = facts
    const { denials } = this.#parts.program
    const hasEnded = this.#endedAt !== undefined
    const status = hasEnded ? 'closed' : 'connected'
    const program = (this.#endedAt ?? Date.now()) - startedAt
    // There is nothing to fetch from a script.
    const collect = hasEnded && { collect: 0 }
    const collectAt = hasEnded && { collect: (phasesAtMs?.['program'] ?? 0) + program }
    return {
      ...facts,
      phasesMs: { ...phasesMs, program, ...collect },
      phasesAtMs: { ...phasesAtMs, ...collectAt },
      vsock: { ...vsock, status },
      ...(denials && { denials }),
    }
  }

  conversation(): Conversation {
    return this.#transcript.toRecord()
  }

  kill(reason: KillReason): void {
    if (this.#held) this.#parts.program.kill(reason)
  }

  acknowledge(seen: Seen): void {
    if (this.#held) this.#parts.program.acknowledge(seen)
  }

  release(): Promise<void> {
    this.letGo()
    return Promise.resolve()
  }

  /** Also for a holder that vanished, when another takes its place. */
  letGo(): void {
    this.#held = false
    clearTimeout(this.#timer)
    this.#parts.program.notify()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#held) return
    this.kill('killed')
    await this.exited
    this.#parts.gone()
  }

  #end(exit: Exit): void {
    clearTimeout(this.#timer)
    if (!this.#held) return
    this.#endedAt = Date.now()
    this.#exited.resolve(exit)
  }

  async *#pieces(): AsyncGenerator<Chunk, void> {
    const { program } = this.#parts
    while (this.#held) {
      const chunk = program.retained.behind(this.#read)
      if (chunk) {
        this.#read[chunk.stream] += chunk.data.length
        this.#transcript.note({ from: 'guest', kind: chunk.stream, bytes: chunk.data.length })
        yield chunk
      } else if (program.silent) {
        this.#transcript.note({ from: 'guest', kind: 'exit', bytes: 0 })
        return
      } else await program.changed
    }
  }
  async *#refusals(): AsyncGenerator<Denial, void> {
    const { program } = this.#parts
    for (let told = 0; this.#held;) {
      const next = program.denials?.known[told]
      if (next) {
        told += 1
        yield next
      } else if (program.silent) return
      else await program.changed
    }
  }
}

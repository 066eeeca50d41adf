/** One workload from its acceptance to its end: its status, its log, its output. The scheduler says when. */
import { rm } from 'node:fs/promises'
import type { WorkloadRecord, WorkloadSummary } from '../api/workload.ts'
import type { Backend, Exit, Run, RunFacts, RunSpec } from '../backend/backend.ts'
import { VulcanError } from '../api/errors.ts'
import { deadline } from '../base/time.ts'
import { EventLog } from './eventlog.ts'
import { advance, statusOf } from './lifecycle.ts'
import { Output } from './output.ts'
import { exitRecordOf, recordOf, summaryOf, type Known } from './record.ts'

export interface WorkloadParts {
  readonly spec: RunSpec
  readonly isolation: string
  readonly labels: Readonly<Record<string, string>>
  readonly priority: number
  readonly log: EventLog
  /** Told of what could not be undone after a run. */
  readonly onLeftover: (error: unknown) => void
}

/** From execute to a program that runs; a build of an image is not part of it. */
const startDeadlineMs = 240_000

/** Why execute was aborted: somebody asked. */
class Killed extends Error {}

export class Workload {
  readonly id: string
  readonly priority: number
  readonly memMib: number
  readonly log: EventLog
  readonly #parts: WorkloadParts
  readonly #output: Output
  readonly #starting = new AbortController()
  readonly #ended = Promise.withResolvers<void>()
  #known: Known
  #run: Run | undefined
  #lastFacts: RunFacts | undefined

  private constructor(parts: WorkloadParts) {
    const { spec } = parts
    this.id = spec.id
    this.priority = parts.priority
    this.memMib = spec.resources.memMib
    this.log = parts.log
    this.#parts = parts
    this.#output = new Output(parts.log, spec.outputLimitBytes)
    const { isolation, labels, priority } = parts
    this.#known = {
      id: spec.id,
      status: 'pending',
      runtime: spec.runtime,
      isolation,
      labels,
      priority,
      createdAt: Date.now(),
    }
  }

  static async accept(parts: WorkloadParts): Promise<Workload> {
    const workload = new Workload(parts)
    await workload.#tell('status')
    return workload
  }

  get known(): Known {
    return { ...this.#known, run: this.#run?.facts() ?? this.#lastFacts }
  }

  get summary(): WorkloadSummary {
    return summaryOf(this.known)
  }

  get record(): WorkloadRecord {
    return recordOf(this.known, this.#output.excerpts)
  }

  /** Resolves when the workload has ended and its vm is gone. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Asks for the end, whether it starts or runs. One that is still pending is the scheduler's to end. */
  kill(): void {
    this.#starting.abort(new Killed('killed before its program ran'))
    this.#run?.kill('killed')
  }

  /** Runs it to its end. Never rejects: what goes wrong is in the exit. */
  async execute(backend: Backend): Promise<void> {
    const queueMs = Date.now() - this.#known.createdAt
    this.#known = { ...this.#known, queueMs }
    await this.end(await this.#attempt(backend).catch((error: unknown) => this.#failed(error)))
  }

  /** Ends it without or after a run. */
  async end(exit: Exit): Promise<void> {
    this.#run = undefined
    const status = advance(this.#known.status, statusOf(exit))
    this.#known = { ...this.#known, status, exit, finishedAt: Date.now() }
    await this.#dropArchive()
    await this.#tell('end')
    await this.log.close()
    this.#ended.resolve()
  }

  async #attempt(backend: Backend): Promise<Exit> {
    const { spec } = this.#parts
    const start = { timeoutMs: startDeadlineMs, signal: this.#starting.signal }
    const run = await deadline(`starting ${spec.id}`, start, (signal) => backend.execute(spec, signal))
    this.#run = run
    try {
      this.#known = { ...this.#known, status: advance(this.#known.status, 'running'), startedAt: Date.now() }
      // A kill that came in the last moment of the start found nothing to kill.
      if (this.#starting.signal.aborted) run.kill('killed')
      await this.#tell('status')
      const lost = await this.#pump(run)
      const exit = await run.exited
      return lost ? { ...exit, by: 'vm_lost', message: lost } : exit
    } finally {
      await this.#takeDown(run)
    }
  }

  /** A vm that could not be removed wholly is news for the operator, not how the program ended. */
  async #takeDown(run: Run): Promise<void> {
    try {
      await run[Symbol.asyncDispose]()
    } catch (error) {
      this.#parts.onLeftover(error)
    }
    this.#lastFacts = run.facts()
  }

  /** Reads the output to its end; gives back why some of it was lost, if so. */
  async #pump(run: Run): Promise<string | undefined> {
    let lost: string | undefined
    for await (const chunk of run.output) {
      if (lost) continue
      try {
        if (await this.#output.take(chunk)) run.kill('output_limit')
        run.acknowledge(this.#output.kept)
      } catch (error) {
        // Read on to the end, or the program would wait for us for ever.
        lost = `its output could not be kept: ${(error as Error).message}`
        run.kill('killed')
      }
    }
    if (!lost) await this.#output.flush()
    return lost
  }

  #failed(error: unknown): Exit {
    if (this.#starting.signal.aborted && !this.#known.startedAt)
      return { by: 'killed', message: 'killed before its program ran' }
    const words = error instanceof Error ? error.message : String(error)
    const code = error instanceof VulcanError ? error.code : 'internal'
    const hint = error instanceof VulcanError && error.hint ? ` (${error.hint})` : ''
    if (this.#known.startedAt) return { by: 'vm_lost', message: `${code}: ${words}${hint}` }
    return { by: 'start_failed', message: `${code}: ${words}${hint}` }
  }

  async #tell(kind: 'status' | 'end'): Promise<void> {
    const { status, exit } = this.#known
    const data = { status, ...(exit && { exit: exitRecordOf(exit) }) }
    await this.log.append(kind, Buffer.from(JSON.stringify(data)))
  }

  async #dropArchive(): Promise<void> {
    const { source } = this.#parts.spec
    if (source.kind === 'archive') await rm(source.path, { force: true })
  }
}

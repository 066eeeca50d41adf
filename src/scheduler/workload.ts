/** One claimed workload, from its claim to its end: its status, its log, its output. The worker says when. */
import { rm } from 'node:fs/promises'
import type { WorkloadRecord, WorkloadSummary } from '../api/workload.ts'
import type { Backend, Exit, Run, RunSpec } from '../backend/backend.ts'
import { VulcanError } from '../api/errors.ts'
import { deadline } from '../base/time.ts'
import type { Claimed } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { EventLog } from './eventlog.ts'
import { earlyEvents, endEvent, statusEvent } from './events.ts'
import { endOf, lastWord } from './lastword.ts'
import { advance, statusOf } from './lifecycle.ts'
import { Output } from './output.ts'
import { givenOf, recordOf, seenOf, summaryOf, type Gathered, unknownRun, wordsOf, type Seen } from './record.ts'

export interface WorkloadParts {
  readonly claimed: Claimed
  readonly spec: RunSpec
  readonly log: EventLog
  readonly store: Store
  readonly backend: Backend
  /** Told of what could not be undone or written. */
  readonly onTrouble: (error: unknown) => void
  /** Told when the program runs: another may start. */
  readonly onStarted: () => void
  /** Told when its end is about to be recorded: soon the store counts it no more, and its vm is still to be removed. */
  readonly onRecording: () => void
  /** Told when it has ended or was let go of, before `ended` resolves. */
  readonly onEnded: () => void
  /** Told when nothing of it is ours any more, before `gone` resolves. */
  readonly onGone: () => void
}

/** From execute to a program that runs; a build of an image is not part of it. */
const startDeadlineMs = 240_000

export class Workload {
  readonly id: string
  readonly log: EventLog
  /** What it takes of its node. */
  readonly claimed: Claimed
  readonly #parts: WorkloadParts
  readonly #output: Output
  readonly #starting = new AbortController()
  readonly #start = { timeoutMs: startDeadlineMs, signal: this.#starting.signal }
  readonly #ended = Promise.withResolvers<void>()
  readonly #gone = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<undefined>()
  readonly #acquired = Promise.withResolvers<void>()
  #seen: Seen
  #run: Run | undefined
  #releasing = false
  /** Claimed by an earlier process or another node, where it may have run, noted or not: it never waits again. */
  #inherited = false

  constructor(parts: WorkloadParts) {
    this.id = parts.claimed.id
    this.log = parts.log
    this.claimed = parts.claimed
    this.#parts = parts
    this.#output = new Output(parts.log, parts.spec.outputLimitBytes)
    this.#seen = seenOf(parts.claimed)
  }

  get summary(): WorkloadSummary {
    return summaryOf({ ...this.#seen, run: this.#seen.exit ? this.#seen.run : (this.#run?.facts() ?? this.#seen.run) })
  }

  get record(): WorkloadRecord {
    return recordOf(this.summary, givenOf(this.#gathered))
  }

  get #gathered(): Omit<Gathered, 'exit'> {
    return { excerpts: this.#output.excerpts, conversation: this.#run?.conversation() }
  }

  /** Resolves when it is known whether there is a run. */
  get acquired(): Promise<void> {
    return this.#acquired.promise
  }

  /** Resolves when its record is on the disk and its log has told its end; or it was let go of. Its vm may still be there. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Resolves when its vm is removed, or it was let go of. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** Asks for the end, in whatever state. */
  kill(): void {
    this.#starting.abort(new Error('killed before its program ran'))
    this.#run?.kill('killed')
  }

  /** Lets a program that runs go on without us; one that only starts waits again. Resolves when nothing of it is ours. */
  async release(): Promise<void> {
    this.#releasing = true
    // A recovery that is broken off would take the vm down.
    if (!this.#inherited) this.#starting.abort(new Error('the server stops'))
    await this.#acquired.promise
    await this.#run?.release()
    this.#released.resolve(undefined)
    await this.#gone.promise
  }

  /** Runs it to its end. Never rejects: what goes wrong is in the exit. */
  async execute(): Promise<void> {
    const { backend, spec } = this.#parts
    this.#seen = { ...this.#seen, queueMs: Date.now() - this.#seen.row.createdAt }
    this.log.start()
    await this.#through(() => deadline(`starting ${spec.id}`, this.#start, (signal) => backend.execute(spec, signal)))
  }

  /** Goes on with what an earlier process had claimed, where its vm lives; ends it by vm_lost where not. */
  async resume(): Promise<void> {
    const { backend, spec, claimed } = this.#parts
    this.#inherited = true
    await this.#through(async () => {
      await this.#resumeLog()
      const known = this.#seen.run ?? unknownRun(backend.name, claimed.node ?? '')
      const startedAt = this.#seen.startedAt ?? claimed.createdAt
      const recovery = { seen: this.#output.kept, startedAt, facts: known }
      const run = await deadline(`recovering ${spec.id}`, this.#start, (signal) =>
        backend.recover(spec, recovery, signal),
      )
      if (run) return run
      throw new Error('the server ended while it ran, and its microVM did not live on')
    }, 'vm_lost')
  }

  /** Ends it by vm_lost without a look: its node was not heard of in time. */
  async abandon(words: string): Promise<void> {
    this.#inherited = true
    await this.#through(async () => {
      await this.#resumeLog()
      throw new Error(words)
    }, 'vm_lost')
  }

  async #through(acquire: () => Promise<Run>, otherwise: 'start_failed' | 'vm_lost' = 'start_failed'): Promise<void> {
    const exit = await this.#attempt(acquire).catch((error: unknown) => this.#failed(error, otherwise))
    this.#acquired.resolve()
    await (exit ? this.#end(exit) : this.#letGo())
    this.#parts.onEnded()
    this.#ended.resolve()
    await this.#takeDown()
    this.#parts.onGone()
    this.#gone.resolve()
  }

  /** What had not started waits again, as if nobody had claimed it. */
  async #letGo(): Promise<void> {
    await this.#takeDown()
    await this.log.close()
    if (this.#seen.startedAt !== undefined) return
    await rm(this.log.path, { force: true })
    await this.#parts.store.giveBack(this.#parts.claimed)
  }

  /** The earlier process may have told readers that it runs and not have lived to note it. */
  #resumeLog(): Promise<void> {
    return this.log.resume(earlyEvents(true), (event) => this.#output.restore(event))
  }

  /** Undefined when the run was let go of. */
  async #attempt(acquire: () => Promise<Run>): Promise<Exit | undefined> {
    const run = await acquire()
    this.#run = run
    this.#acquired.resolve()
    // A kill that came in the last moment of the start found nothing to kill.
    if (this.#starting.signal.aborted && !this.#releasing) run.kill('killed')
    if (this.#seen.status === 'pending') await this.#noteStart(run)
    const lost = await this.#pump(run)
    const exit = await Promise.race([run.exited, this.#released.promise])
    if (exit && lost) return { ...exit, by: 'vm_lost', message: lost }
    return exit && this.#output.judge(exit)
  }

  async #noteStart(run: Run): Promise<void> {
    const { store, claimed, onStarted } = this.#parts
    this.#seen = { ...this.#seen, status: advance(this.#seen.status, 'running'), startedAt: Date.now() }
    const { queueMs, startedAt = 0 } = this.#seen
    const record = JSON.stringify({ queueMs, run: run.facts() })
    // For listings and for who comes after us. The end says it too, so nothing here waits for the disk.
    const noted = store.started(claimed, { at: startedAt, record })
    noted.then((ours) => ours || run.kill('killed')).catch(this.#parts.onTrouble)
    if (this.log.newest < earlyEvents(true).length) await this.log.append(statusEvent('running'))
    onStarted()
  }

  /** Nobody waits for it. A vm that could not be removed wholly is news for the operator, not how the program ended. */
  async #takeDown(): Promise<void> {
    try {
      await this.#run?.[Symbol.asyncDispose]()
    } catch (error) {
      this.#parts.onTrouble(error)
    }
    this.#run = undefined
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
    if (!lost && !this.#releasing) await this.#output.flush()
    return lost
  }

  /** Undefined when it was only starting and is let go of. */
  #failed(error: unknown, otherwise: 'start_failed' | 'vm_lost'): Exit | undefined {
    if (this.#releasing && !this.#inherited && !this.#seen.startedAt) return undefined
    if (this.#starting.signal.aborted) return { by: 'killed', message: 'killed before its program ran' }
    const message = wordsOf(error)
    if (this.#seen.startedAt) return { by: 'vm_lost', message }
    const step = error instanceof VulcanError ? (error.step ?? error.code) : 'internal'
    return { by: otherwise, message, ...(otherwise === 'start_failed' && { step }) }
  }

  /**
   * The record comes first: a vm whose program has ended can tell so to the next server for as long as it lives, and what
   * the log says last follows from the record.
   */
  async #end(exit: Exit): Promise<void> {
    const { result: _result, resultError: _resultError, ...told } = exit
    const status = advance(this.#seen.status, statusOf(exit))
    const run = this.#run?.facts() ?? this.#seen.run
    this.#seen = { ...this.#seen, status, exit: told, run, finishedAt: Date.now() }
    await this.log.sync().catch(this.#parts.onTrouble)
    const { store, claimed, spec, onRecording, onTrouble } = this.#parts
    const end = endOf(exit, { seen: this.#seen, ...this.#gathered, logBytes: this.log.bytes })
    onRecording()
    const ours = await lastWord(store, claimed, { end, onTrouble })
    if (spec.source.kind === 'archive') await rm(spec.source.path, { force: true }).catch(this.#parts.onTrouble)
    if (ours) await this.log.end(endEvent(this.summary)).catch(this.#parts.onTrouble)
    else await this.log.close()
  }
}

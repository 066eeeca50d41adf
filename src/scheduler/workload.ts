/** One claimed workload, from its claim to its end: its status, its log, its output. The worker says when. */
import { rm } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { WorkloadRecord, WorkloadSummary } from '../api/workload.ts'
import type { Exit, Run } from '../backend/backend.ts'
import { deadline } from '../base/time.ts'
import type { Claimed } from '../store/rows.ts'
import { DeniedLog } from './denied.ts'
import type { EventLog } from './eventlog.ts'
import { earlyEvents, endEvent, statusEvent } from './events.ts'
import { endOf, lastWord } from './lastword.ts'
import { advance, statusOf } from './lifecycle.ts'
import { exitWithoutRun, failingAfter } from './norun.ts'
import { Output } from './output.ts'
import type { WorkloadParts } from './parts.ts'
import { givenOf, recordOf, seenOf, summaryOf, type Gathered, unknownRun, type Seen } from './record.ts'

/** From execute to a program that runs; a build of an image is not part of it. */
const startDeadlineMs = 240_000

export class Workload {
  readonly id: string
  readonly log: EventLog
  /** What it takes of its node. */
  readonly claimed: Claimed
  readonly #parts: WorkloadParts
  readonly #output: Output
  readonly #denied: DeniedLog
  readonly #starting = new AbortController()
  readonly #start = { timeoutMs: startDeadlineMs, signal: this.#starting.signal }
  readonly #ended = Promise.withResolvers<WorkloadRecord | undefined>()
  readonly #gone = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<undefined>()
  readonly #acquired = Promise.withResolvers<void>()
  #seen: Seen
  #run: Run | undefined
  #releasing = false
  /** Its end is on its way to the store. */
  #recording = false
  /** It did not get to the disk. */
  #isUnkept = false

  constructor(parts: WorkloadParts) {
    this.id = parts.claimed.id
    this.log = parts.log
    this.claimed = parts.claimed
    this.#parts = parts
    this.#output = new Output(parts.log, parts.spec.outputLimitBytes)
    this.#denied = new DeniedLog(parts.log)
    this.#seen = seenOf(parts.claimed)
  }

  get summary(): WorkloadSummary {
    return summaryOf({ ...this.#seen, run: this.#seen.exit ? this.#seen.run : (this.#run?.facts() ?? this.#seen.run) })
  }

  get record(): WorkloadRecord {
    return recordOf(this.summary, givenOf(this.#gathered))
  }

  get #gathered(): Omit<Gathered, 'exit'> {
    const { denials, firewall } = this.#run?.facts() ?? this.#seen.run ?? {}
    return { excerpts: this.#output.excerpts, denials, firewall, conversation: this.#run?.conversation() }
  }

  /** Resolves when it is known whether there is a run. */
  get acquired(): Promise<void> {
    return this.#acquired.promise
  }

  /** Resolves with its record when that is on the disk and its log has told its end; with none when it was let go of. */
  get ended(): Promise<WorkloadRecord | undefined> {
    return this.#ended.promise
  }

  /** Resolves when its vm is removed, or it was let go of. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** Asks for the end, in whatever state. */
  kill(): void {
    this.#starting.abort(new Error('killed'))
    this.#run?.kill('killed')
  }

  /** Lets a program that runs go on without us; one that only starts waits again. Resolves when nothing of it is ours. */
  async release(): Promise<void> {
    this.#releasing = true
    // A recovery that is broken off would take the vm down.
    if (!this.#seen.inherited) this.#starting.abort(new Error('the server stops'))
    await this.#acquired.promise
    await this.#run?.release()
    this.#released.resolve(undefined)
    await this.#gone.promise
  }

  /**
   * Runs it to its end. Never rejects: what goes wrong is in the exit. `accepted`: it is on its way to the disk; where it does
   * not get there, it never was.
   */
  async execute(accepted?: Promise<unknown>): Promise<void> {
    const { backend, spec } = this.#parts
    accepted?.catch((error: unknown) => {
      this.#isUnkept = true
      this.#starting.abort(error)
    })
    // So that its row is on its way first: what follows is done while the disk works.
    if (accepted) await turn()
    this.#seen = { ...this.#seen, queueMs: Date.now() - this.#seen.row.createdAt }
    this.log.start()
    const start = () =>
      deadline(`starting ${spec.id}`, this.#start, (signal) => backend.execute(spec, signal, { accepted }))
    await this.#through(() => failingAfter(accepted, start))
  }

  /** Goes on with what an earlier process had claimed, where its vm lives; ends it by vm_lost where not. */
  async resume(): Promise<void> {
    const { backend, spec, claimed } = this.#parts
    this.#seen = { ...this.#seen, inherited: true }
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
    })
  }

  /** Ends it by vm_lost without a look: its node was not heard of in time. */
  async abandon(words: string): Promise<void> {
    this.#seen = { ...this.#seen, inherited: true }
    await this.#through(async () => {
      await this.#resumeLog()
      throw new Error(words)
    })
  }

  async #through(acquire: () => Promise<Run>): Promise<void> {
    const exit = await this.#attempt(acquire).catch((error: unknown) => this.#failed(error))
    this.#acquired.resolve()
    const record = await (exit ? this.#end(exit) : this.#letGo())
    this.#parts.onEnded()
    this.#ended.resolve(record)
    // Who waits for the end is answered before everybody else hears of it.
    await turn()
    this.#parts.onTold()
    await this.#takeDown()
    this.#parts.onGone()
    this.#gone.resolve()
  }

  /** What had not started waits again, as if nobody had claimed it. */
  async #letGo(): Promise<undefined> {
    await this.#takeDown()
    await this.log.close()
    if (this.#seen.startedAt !== undefined) return
    await rm(this.log.path, { force: true })
    if (!this.#isUnkept) await this.#parts.store.giveBack(this.#parts.claimed)
  }

  /** The earlier process may have told readers that it runs and not have lived to note it. */
  #resumeLog(): Promise<void> {
    return this.log.resume(earlyEvents(true), (event) => {
      this.#output.restore(event)
      this.#denied.restore(event)
    })
  }

  /** Undefined when the run was let go of. */
  async #attempt(acquire: () => Promise<Run>): Promise<Exit | undefined> {
    const run = await acquire()
    this.#run = run
    this.#acquired.resolve()
    // A kill that came in the last moment of the start found nothing to kill.
    if (this.#starting.signal.aborted && !this.#releasing) run.kill('killed')
    if (this.#seen.status === 'pending') await this.#noteStart(run)
    // It is in the record too: that it could not be told is no reason to end the run.
    const told = this.#denied.follow(run.denied).catch(this.#parts.onTrouble)
    const lost = await this.#output.follow(run)
    if (!lost && !this.#releasing) await this.#output.flush()
    await told
    const exit = await Promise.race([run.exited, this.#released.promise])
    if (exit && lost) return { ...exit, by: 'vm_lost', message: lost }
    return exit && this.#output.judge(exit)
  }

  async #noteStart(run: Run): Promise<void> {
    const { store, claimed, onStarted } = this.#parts
    this.#seen = { ...this.#seen, status: advance(this.#seen.status, 'running'), startedAt: Date.now() }
    const { queueMs, startedAt = 0 } = this.#seen
    const start = () => ({ at: startedAt, record: JSON.stringify({ queueMs, run: run.facts() }) })
    // For listings and for who comes after us. The end says it too, so nothing here waits for the disk.
    const noted = store.started(claimed, () => (this.#recording ? undefined : start()))
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

  /** Undefined when it was only starting and is let go of. */
  #failed(error: unknown): Exit | undefined {
    if (this.#isUnkept || (this.#releasing && !this.#seen.inherited && !this.#seen.startedAt)) return undefined
    return exitWithoutRun(error, { seen: this.#seen, killed: this.#starting.signal.aborted })
  }

  /**
   * The record comes first: a vm whose program has ended can tell so to the next server for as long as it lives, and what
   * the log says last follows from the record. Undefined when another owner has had the last word.
   */
  async #end(exit: Exit): Promise<WorkloadRecord | undefined> {
    const { result: _result, resultError: _resultError, ...told } = exit
    const status = advance(this.#seen.status, statusOf(exit))
    const run = this.#run?.facts() ?? this.#seen.run
    this.#seen = { ...this.#seen, status, exit: told, run, finishedAt: Date.now() }
    await this.log.sync().catch(this.#parts.onTrouble)
    const { onRecording, onTrouble } = this.#parts
    const given = givenOf({ ...this.#gathered, exit })
    const end = endOf(exit, { ...this.#parts, seen: this.#seen, given, logBytes: this.log.bytes })
    this.#recording = true
    onRecording()
    const kept = lastWord(this.#parts, end)
    // So that its end is on its way first, as its row was.
    await turn()
    const record = recordOf(this.summary, given)
    if (!(await kept)) {
      await this.log.close()
      return undefined
    }
    await this.log.end(endEvent(record)).catch(onTrouble)
    return record
  }
}

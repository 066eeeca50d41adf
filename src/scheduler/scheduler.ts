/** Takes workloads in, runs as many at once as there is room for, and knows them until they are forgotten. */
import { randomUUIDv7 } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import { hasEnded, type WorkloadRecord, type WorkloadRequest, type WorkloadSummary } from '../api/workload.ts'
import type { Backend, Cleaned, CleanupOptions } from '../backend/backend.ts'
import { Facts } from '../base/facts.ts'
import { abortable } from '../base/time.ts'
import { admit, type Limits, type Offer } from './admission.ts'
import type { Entry, EventLog } from './eventlog.ts'
import { Keys } from './keys.ts'
import { enqueue, next, outdated, overheadMib, type Capacity } from './placement.ts'
import { Shelf, type Ended } from './shelf.ts'
import { prepare, type Upload } from './source.ts'
import { Workload } from './workload.ts'

export interface SchedulerOptions {
  readonly home: string
  readonly backend: Backend
  readonly limits: Limits
  readonly capacity: Capacity
  /** Most workloads that wait. */
  readonly pending: number
  /** What is kept of ended ones. */
  readonly retention: { readonly count: number; readonly bytes: number }
}

export interface SchedulerFacts {
  readonly 'workload.accepted': { id: string; runtime: string }
  readonly 'workload.ended': { id: string; summary: WorkloadSummary }
  /** Something of ours went wrong beside the run. */
  readonly 'workload.trouble': { id: string; error: unknown }
}

export interface Load {
  readonly used: Capacity
  readonly pending: number
}

export class Scheduler implements AsyncDisposable {
  readonly facts = new Facts<SchedulerFacts>()
  readonly #o: SchedulerOptions
  readonly #shelf: Shelf
  readonly #keys = new Keys()
  readonly #active = new Map<string, Workload>()
  readonly #ended = new Map<string, Ended>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #closing = new AbortController()
  #accepting = 0
  #queue: Workload[] = []

  private constructor(options: SchedulerOptions) {
    this.#o = options
    this.#shelf = new Shelf(options.home)
  }

  static async open(options: SchedulerOptions): Promise<Scheduler> {
    const scheduler = new Scheduler(options)
    for (const ended of await scheduler.#shelf.load()) scheduler.#ended.set(ended.summary.id, ended)
    return scheduler
  }

  /**
   * Takes a workload in and starts it as soon as there is room. The upload's file is moved or removed, whatever happens.
   * Rejects with a VulcanError that names the field at fault, having left nothing behind.
   */
  async accept(request: WorkloadRequest, upload?: Upload): Promise<WorkloadSummary> {
    try {
      if (this.#closing.signal.aborted) throw new VulcanError('shutting_down', 'the server is shutting down')
      const admitted = admit(request, {
        limits: this.#o.limits,
        offers: [await this.offer()],
        uploaded: upload !== undefined,
      })
      const id = await this.#keys.once(request, upload, () => this.#take(request, admitted, upload))
      return this.summary(id)
    } finally {
      if (upload) await rm(upload.path, { force: true })
    }
  }

  async #take(request: WorkloadRequest, admitted: ReturnType<typeof admit>, upload?: Upload): Promise<string> {
    const free = Math.max(0, this.#o.capacity.vms - this.#used().vms)
    if (this.#queue.length + this.#accepting >= this.#o.pending + free) {
      throw new VulcanError('overloaded', `${this.#queue.length} workloads wait already; no more are taken`)
    }
    const id = randomUUIDv7()
    this.#accepting += 1
    try {
      await this.#shelf.create(id)
      const prepared = await prepare(request, {
        runtime: admitted.runtime,
        upload,
        archivePath: this.#shelf.archivePath(id),
        archiveBytes: this.#o.limits.archiveBytes,
        unpackedBytes: admitted.rest.resources.diskMib * (1 << 20),
        signal: this.#closing.signal,
      })
      const workload = await Workload.accept({
        spec: { id, ...admitted.rest, ...prepared },
        isolation: admitted.isolation,
        labels: request.labels ?? {},
        priority: request.priority ?? 0,
        log: await this.#shelf.createLog(id),
        onLeftover: (error) => this.facts.emit('workload.trouble', { id, error }),
      })
      this.#active.set(id, workload)
      this.facts.emit('workload.accepted', { id, runtime: admitted.runtime.name })
      this.#queue = enqueue(this.#queue, workload)
    } catch (error) {
      await this.#shelf.remove(id)
      throw error
    } finally {
      this.#accepting -= 1
    }
    this.#startWhatFits()
    return id
  }

  /** What this node's backend offers now. */
  async offer(): Promise<Offer & Awaited<ReturnType<Backend['capabilities']>>> {
    const can = await this.#o.backend.capabilities()
    return { name: this.#o.backend.name, online: can.available, ...can }
  }

  /** Has the backend remove what no known run needs; gives back what that was, or would be with `dryRun`. */
  async cleanup(o: CleanupOptions = {}): Promise<Cleaned> {
    return this.#o.backend.cleanup(new Set(this.#active.keys()), o)
  }

  get load(): Load {
    return { used: this.#used(), pending: this.#queue.length }
  }

  summary(id: string): WorkloadSummary {
    const found = this.#active.get(id)?.summary ?? this.#ended.get(id)?.summary
    if (!found) throw missing(id)
    return found
  }

  /** Newest first. */
  summaries(): WorkloadSummary[] {
    const all = [...this.#active.values()].map((workload) => workload.summary)
    for (const { summary } of this.#ended.values()) all.push(summary)
    return all.sort((a, b) => (a.id < b.id ? 1 : -1))
  }

  async record(id: string): Promise<WorkloadRecord> {
    const workload = this.#active.get(id)
    if (workload) return workload.record
    if (!this.#ended.has(id)) throw missing(id)
    return this.#shelf.record(id)
  }

  /** Asks for a workload's end. Throws not_found or already_ended. */
  kill(id: string): void {
    const workload = this.#active.get(id)
    const { status } = workload?.summary ?? this.summary(id)
    if (!workload || hasEnded(status)) throw new VulcanError('already_ended', `the workload ${id} has ended: ${status}`)
    if (!this.#queue.includes(workload)) return workload.kill()
    this.#queue = this.#queue.filter((other) => other !== workload)
    this.#follow(workload, workload.end({ by: 'killed', message: 'killed while it waited' }))
  }

  /** Resolves when the workload has ended; rejects with the signal's reason. */
  async ended(id: string, signal: AbortSignal): Promise<void> {
    const workload = this.#active.get(id)
    if (!workload) return void this.summary(id)
    await abortable(this.#running.get(id) ?? workload.ended, signal)
  }

  /** The workload's events after an id, up to its end and as they come. */
  async *events(id: string, after: number, signal: AbortSignal): AsyncGenerator<Entry> {
    yield* (await this.#log(id)).read(after, signal)
  }

  /** The id of the newest event of a workload that goes on; undefined when its log is at its end. */
  newestEvent(id: string): number | undefined {
    return this.#active.get(id)?.log.newest
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new VulcanError('shutting_down', 'the server is shutting down'))
    for (const id of this.#active.keys()) {
      const { status } = this.summary(id)
      if (!hasEnded(status)) this.kill(id)
    }
    await Promise.all(this.#running.values())
  }

  async #log(id: string): Promise<EventLog> {
    const workload = this.#active.get(id)
    if (workload) return workload.log
    if (!this.#ended.has(id)) throw missing(id)
    return this.#shelf.reopenLog(id)
  }

  #startWhatFits(): void {
    for (;;) {
      const workload = next(this.#queue, this.#used(), this.#o.capacity)
      if (!workload) return
      this.#queue = this.#queue.filter((other) => other !== workload)
      this.#follow(workload, workload.execute(this.#o.backend))
    }
  }

  #used(): Capacity {
    const running = [...this.#running.keys()]
      .map((id) => this.#active.get(id))
      .filter((workload) => workload !== undefined)
    return { vms: running.length, memMib: running.reduce((sum, { memMib }) => sum + memMib + overheadMib, 0) }
  }

  /** Waits for a workload's end, keeps its record, forgets the oldest and starts the next. */
  #follow(workload: Workload, ending: Promise<void>): void {
    const trouble = (error: unknown) => this.facts.emit('workload.trouble', { id: workload.id, error })
    const followed = ending.then(() => this.#settle(workload)).catch(trouble)
    this.#running.set(
      workload.id,
      followed.finally(() => {
        this.#running.delete(workload.id)
        if (!this.#closing.signal.aborted) this.#startWhatFits()
      }),
    )
  }

  async #settle(workload: Workload): Promise<void> {
    const ended = await this.#shelf.finish(workload.record)
    this.#ended.set(workload.id, ended)
    this.#active.delete(workload.id)
    this.facts.emit('workload.ended', { id: workload.id, summary: ended.summary })
    const kept = [...this.#ended.values()].map(({ summary, bytes }) => ({ id: summary.id, bytes }))
    for (const id of outdated(kept, this.#o.retention)) {
      this.#ended.delete(id)
      this.#keys.forget(id)
      await this.#shelf.remove(id)
    }
  }
}

const missing = (id: string): VulcanError => new VulcanError('not_found', `there is no workload ${id}`)

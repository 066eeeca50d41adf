/** Takes workloads in, has them run, and knows them until they are forgotten. What must last is in the store. */
import { VulcanError } from '../api/errors.ts'
import { localKey } from '../api/keys.ts'
import { hasEnded, type WorkloadRecord, type WorkloadRequest, type WorkloadSummary } from '../api/workload.ts'
import type { Backend, CleanupOptions, Leftover } from '../backend/backend.ts'
import { Facts } from '../base/facts.ts'
import { abortable } from '../base/time.ts'
import type { Load } from '../store/leases.ts'
import type { Filter } from '../store/listing.ts'
import type { Stored } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { Offer } from './admission.ts'
import { endedLog } from './endedlog.ts'
import type { Entry } from './entries.ts'
import type { EventLog } from './eventlog.ts'
import { Gate } from './gate.ts'
import { once, take } from './intake.ts'
import type { HandedWith, SchedulerFacts, SchedulerOptions } from './options.ts'
import { placedSummary } from './place.ts'
import { missing, nothingGiven, recordOf, seenOf, summaryOf, type Given } from './record.ts'
import { Requests } from './requests.ts'
import { countOutdated, forgetOutdated, removeOrphans } from './retention.ts'
import { Shelf } from './shelf.ts'
import { Waiting } from './waiting.ts'
import { Worker } from './worker.ts'

/** Milliseconds between looks at what is to be forgotten, and at what has no owner. */
const sweepMs = 30_000

export class Scheduler implements AsyncDisposable {
  readonly facts = new Facts<SchedulerFacts>()
  /** What was asked for. */
  readonly requests: Requests
  readonly #o: SchedulerOptions
  readonly #shelf: Shelf
  readonly #worker: Worker
  readonly #waiting: Waiting
  readonly #gate: Gate
  readonly #closing = new AbortController()
  #sweeping: NodeJS.Timeout | undefined

  private constructor(options: SchedulerOptions, shelf: Shelf) {
    this.#o = options
    this.#shelf = shelf
    this.requests = new Requests({ store: options.store, shelf, keeps: options.retention.requests })
    this.#gate = new Gate(() => options.store.countWaiting())
    this.#waiting = new Waiting((id) => shelf.logPath(id))
    const { node, store, backend, capacity } = options
    this.#worker = new Worker({
      ...{ node, store, backend, capacity, shelf, keepsRequests: options.retention.requests },
      logOf: (id) => this.#waiting.logOf(id),
      onStarted: (summary) => this.facts.emit('workload.started', { id: summary.id, summary }),
      onEnded: (summary) => this.#onEnded(summary),
      onTrouble: (id, error) => this.#trouble(error, id),
    })
  }

  /** Opens it; workloads can be taken in, but nothing runs before `start`. */
  static async open(options: SchedulerOptions): Promise<Scheduler> {
    const shelf = await Shelf.open(options.home)
    await removeOrphans(options.store, shelf)
    return new Scheduler(options, shelf)
  }

  /** Goes on with what an earlier process ran, removes what nobody needs, and begins to run what waits. */
  async start(): Promise<void> {
    await this.#worker.recover()
    await this.cleanup()
    if (this.#closing.signal.aborted) return
    this.#worker.open()
    this.#sweeping = setInterval(() => {
      for (const duty of [this.sweep(), this.cleanup()]) duty.catch((error: unknown) => this.#trouble(error))
    }, sweepMs).unref()
  }

  /**
   * Takes a workload in; once this resolves it is on the disk. It starts as soon as there is room. Rejects with a
   * VulcanError that names the field at fault, having left nothing behind.
   */
  async accept(request: WorkloadRequest, o: HandedWith = {}): Promise<string> {
    if (this.#closing.signal.aborted) throw new VulcanError('shutting_down', 'the server is shutting down')
    const { store, limits, pending, capacity } = this.#o
    const most = pending + Math.max(0, capacity.vms - this.#worker.places)
    const { id: tenant, quotas } = o.by ?? localKey
    return once({ request, upload: o.upload }, { store, tenant }, (handed) =>
      this.#gate.pass(most, async () =>
        take(handed, {
          ...{ store, limits, shelf: this.#shelf, signal: this.#closing.signal, tenant, quotas },
          ...{ offer: await this.offer(), worker: this.#worker },
          onTaken: (summary) =>
            this.facts.emit('workload.accepted', { id: summary.id, summary, traceparent: o.traceparent }),
        }),
      ),
    )
  }

  /** What this node's backend offers now. */
  async offer(): Promise<Offer & Awaited<ReturnType<Backend['capabilities']>>> {
    const can = await this.#o.backend.capabilities()
    return { name: this.#o.backend.name, online: can.available, ...can }
  }

  /** Has the backend remove what no known run needs; gives back what that was, or would be with `dryRun`. */
  async cleanup(o: CleanupOptions = {}): Promise<readonly Leftover[]> {
    // Once it closes, runs may be let go of for the next process, which is then the one to know.
    const keep = { has: (id: string) => this.#closing.signal.aborted || this.#worker.has(id) }
    const found = await this.#o.backend.cleanup(keep, o)
    if (!o.dryRun && found.length > 0) this.facts.emit('leftovers.swept', { found })
    return found
  }

  /** Forgets ended workloads beyond the bounds; gives back how many those were, or would be with `dryRun`. */
  async sweep(o: { readonly dryRun?: true } = {}): Promise<number> {
    const { store, retention } = this.#o
    return o.dryRun ? countOutdated(store, retention) : forgetOutdated(store, this.#shelf, retention)
  }

  async load(): Promise<Load & { readonly pending: number }> {
    const { store, node, capacity } = this.#o
    const [load, pending] = await Promise.all([
      store.load({ node, overheadMib: capacity.overheadMib }),
      store.countWaiting(),
    ])
    return { ...load, pending }
  }

  /** How many are known of each status; of what there is none, nothing. */
  counts(): ReturnType<Store['countByStatus']> {
    return this.#o.store.countByStatus()
  }

  async status(id: string): Promise<WorkloadSummary['status']> {
    return this.#worker.live.get(id)?.summary.status ?? (await this.#found(id)).status
  }

  async summary(id: string): Promise<WorkloadSummary> {
    const live = this.#worker.live.get(id)
    return live ? live.summary : placedSummary(this.#o.store, await this.#found(id))
  }

  async isOwner(id: string, tenant: string): Promise<boolean> {
    return (await this.#o.store.find(id))?.tenant === tenant
  }

  /** Throws not_found where there is no such workload, and in the same words where it is somebody else's. */
  async expectOwner(id: string, tenant: string): Promise<void> {
    if (!(await this.isOwner(id, tenant))) throw missing(id)
  }

  /** Newest first. */
  async summaries(filter: Filter): Promise<WorkloadSummary[]> {
    const rows = await this.#o.store.list(filter)
    return Promise.all(rows.map(async (row) => this.#worker.live.get(row.id)?.summary ?? summaryOf(seenOf(row))))
  }

  async record(id: string): Promise<WorkloadRecord> {
    const live = this.#worker.live.get(id)
    if (live) return live.record
    const row = await this.#found(id)
    const given = await this.#o.store.given(id)
    return recordOf(
      await placedSummary(this.#o.store, row),
      given === undefined ? nothingGiven : (JSON.parse(given) as Given),
    )
  }

  /** Asks for a workload's end. Throws not_found or already_ended. */
  async kill(id: string): Promise<void> {
    if (!this.#worker.live.has(id) && (await this.requests.cancel(id))) return this.#onEnded(await this.summary(id))
    const { status } = await this.summary(id)
    if (hasEnded(status)) throw new VulcanError('already_ended', `the workload ${id} has ended: ${status}`)
    this.#worker.kill(id)
  }

  /** Resolves when it has ended, with its record where that is at hand, or was let go of; rejects with the signal's reason. */
  ended(id: string, signal: AbortSignal): Promise<WorkloadRecord | undefined> {
    const live = this.#worker.live.get(id)
    return abortable(live ? live.ended : this.#waitFor(id), signal)
  }

  /** The workload's events after an id, up to its end and as they come. */
  async *events(id: string, after: number, signal: AbortSignal): AsyncGenerator<Entry> {
    yield* (await this.#log(id)).read(after, signal)
  }

  /** Lets go of what runs, for the next process; what waits goes on waiting. */
  async release(): Promise<void> {
    await this.#close({ release: true })
  }

  /** The id of the newest event of a workload that has a place; undefined before, and when its log is at its end. */
  newestEvent(id: string): number | undefined {
    return this.#worker.live.get(id)?.log.newest
  }

  /** Kills what runs and what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new VulcanError('shutting_down', 'the server is shutting down'))
    const all = await this.#o.store.unfinished()
    const kills = await Promise.allSettled(all.map((id) => this.kill(id)))
    for (const kill of kills) if (kill.status === 'rejected') this.#trouble(kill.reason)
    await this.#close({ release: false })
  }

  async #close(o: { release: boolean }): Promise<void> {
    this.#closing.abort(new VulcanError('shutting_down', 'the server is shutting down'))
    clearInterval(this.#sweeping)
    await this.#worker.close(o)
    this.#waiting.settleAll()
  }

  async #found(id: string): Promise<Stored> {
    const row = await this.#o.store.find(id)
    if (row) return row
    throw missing(id)
  }

  /** Asked for before the store is, so that an end in between is not missed. */
  async #waitFor(id: string): Promise<undefined> {
    const ended = this.#waiting.endOf(id)
    const row = await this.#o.store.find(id)
    if (!row || row.finishedAt !== undefined) this.#waiting.settle(id)
    if (!row) throw missing(id)
    await ended
  }

  async #log(id: string): Promise<EventLog> {
    const live = this.#worker.live.get(id)
    if (live) return live.log
    const log = this.#waiting.logOf(id)
    const row = await this.#o.store.find(id)
    if (row && row.finishedAt === undefined) return log
    this.#waiting.settle(id)
    if (!row) throw missing(id)
    return endedLog(this.#shelf, row)
  }

  #onEnded(summary: WorkloadSummary): void {
    const { id } = summary
    if (!hasEnded(summary.status)) return this.#waiting.settle(id)
    this.facts.emit('workload.ended', { id, summary })
    this.#waiting.end(summary).catch((error: unknown) => this.#trouble(error, id))
  }

  #trouble(error: unknown, id = ''): void {
    this.facts.emit('workload.trouble', { id, error })
  }
}

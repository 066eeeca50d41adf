/** What a node does: claims workloads as it has room, runs them, says that it lives, ends what dead nodes left. */
import type { Backend, RunSpec } from '../backend/backend.ts'
import type { WorkloadSummary } from '../api/workload.ts'
import type { Capacity } from '../store/leases.ts'
import type { Claimed } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { FirstLease } from '../store/workloads.ts'
import type { EventLog } from './eventlog.ts'
import { hasRoom, type Taken } from './rooms.ts'
import type { Shelf } from './shelf.ts'
import { specOfText } from './spec.ts'
import { Workload } from './workload.ts'

export interface WorkerOptions {
  /** Name of this node; a lease carries it. */
  readonly node: string
  readonly store: Store
  readonly backend: Backend
  readonly shelf: Shelf
  readonly keepsRequests: boolean
  readonly capacity: Capacity
  /** The log of a workload that was claimed; whoever reads it already has the same. */
  readonly logOf: (id: string) => EventLog
  readonly onStarted: (summary: WorkloadSummary) => void
  readonly onEnded: (summary: WorkloadSummary) => void
  readonly onTrouble: (id: string, error: unknown) => void
}

/** A node that was silent for so long has lost what it had claimed. */
export const leaseMs = 30_000

export class Worker {
  /** Claimed and not at their end. */
  readonly live = new Map<string, Workload>()
  readonly #o: WorkerOptions
  #claiming: Promise<void> | undefined
  #again = false
  /** False when nothing waited at the last claim: what comes since says so by `pump`. */
  #left = true
  /** Those whose end is recorded, or on its way there, and whose vm is not removed yet. */
  readonly #leaving = new Map<string, Workload>()
  /** Of those that are live: whose program does not run yet. */
  readonly #starting = new Set<string>()
  /** Asked to be killed after their claim and before they were live. */
  readonly #doomed = new Set<string>()
  #closed = true
  #beating: NodeJS.Timeout | undefined

  constructor(options: WorkerOptions) {
    this.#o = options
  }

  /** Takes over what an earlier process of this node ran. What of it lives is known when this resolves. */
  async recover(): Promise<void> {
    const { store, node } = this.#o
    const left = await store.takeOver(node, Date.now() + leaseMs)
    this.#beating = setInterval(() => void this.#beat(), leaseMs / 3)
    this.#beating.unref()
    const resumed = left.map((claimed) => this.#follow(claimed, { run: (workload) => workload.resume() }))
    await Promise.all(resumed.map((workload) => workload.acquired))
  }

  /** Begins to claim. */
  open(): void {
    this.#closed = false
    this.pump()
  }

  /** Claims and starts what fits. Asked while it does, it looks once more: one claim takes all there is room for. */
  pump(o: { patient?: boolean } = {}): void {
    if (this.#closed) return
    this.#again = true
    this.#claiming ??= this.#claimAll(o.patient ?? false)
  }

  /**
   * A lease for one that is about to be kept: where nothing waits and there is room, it needs no claim of its own, and begins at
   * once. Undefined where it has to wait like all others.
   */
  lease(one: Pick<Claimed, 'cpus' | 'memMib' | 'diskMib'>): FirstLease | undefined {
    if (this.#closed || this.#left || this.#claiming) return undefined
    if (!hasRoom(this.#o.capacity, this.#taken(), one)) return undefined
    return { node: this.#o.node, until: Date.now() + leaseMs }
  }

  /** Begins one that is being kept with such a lease; where `accepted` rejects, nothing of it stays. */
  begin(claimed: Claimed, { spec, accepted }: { spec: RunSpec; accepted: Promise<unknown> }): void {
    this.#follow(claimed, { spec, run: (workload) => workload.execute(accepted) })
  }

  #taken(): Taken[] {
    const followed = [...new Set([...this.live.values(), ...this.#leaving.values()])]
    return followed.map(({ id, claimed: { cpus, memMib, diskMib } }) => {
      return { cpus, memMib, diskMib, starting: this.#starting.has(id) }
    })
  }

  /** There is room for another one, if any waits. */
  #pumpRest(o: { patient?: boolean } = {}): void {
    if (this.#left || this.#claiming) this.pump(o)
  }

  /** How many have a place of the node: a vm that is being removed still has one. */
  get places(): number {
    return new Set([...this.live.keys(), ...this.#leaving.keys()]).size
  }

  /** True for a workload whose vm is in use or being removed: whoever tidies up leaves it alone. */
  has(id: string): boolean {
    return this.live.has(id) || this.#leaving.has(id)
  }

  /** Ends a workload that is claimed, in whatever moment. */
  kill(id: string): void {
    const workload = this.live.get(id)
    if (workload) workload.kill()
    else this.#doomed.add(id)
  }

  /** Kills what runs here, or lets go of it; resolves when nothing of it is ours any more. */
  async close(o: { release: boolean }): Promise<void> {
    this.#closed = true
    clearInterval(this.#beating)
    await this.#claiming
    const ending = [...this.live.values()].map((workload) => (o.release ? workload.release() : workload.kill()))
    const all = [...this.live.values(), ...this.#leaving.values()]
    await Promise.all([...ending, ...all.map((workload) => workload.gone)])
  }

  async #claimAll(patient: boolean): Promise<void> {
    for (let first = true; this.#again && !this.#closed; first = false) {
      this.#again = false
      await this.#claim(patient && first).catch((error: unknown) => this.#o.onTrouble('', error))
    }
    this.#claiming = undefined
  }

  async #claim(patient: boolean): Promise<void> {
    // Until it is known.
    this.#left = true
    const { store, node, capacity, backend } = this.#o
    const { available, runtimes } = await backend.capabilities()
    if (!available || this.#closed) return
    const room = () => this.#room()
    const wish = {
      ...{ node, now: Date.now(), leaseMs, runtimes, most: capacity.starting },
      // Looked at when the claim is made, behind the ends that share its commit: their vms are still there.
      get capacity() {
        return room()
      },
    }
    const { claimed, left } = await store.claim(wish, { patient })
    this.#left = left
    for (const one of claimed) {
      if (this.#closed) await store.giveBack(one)
      else this.#follow(one, { run: (workload) => workload.execute() })
    }
  }

  #room(): Capacity {
    const { capacity } = this.#o
    let { vms, cpus, memMib, diskMib } = capacity
    for (const { claimed } of this.#leaving.values()) {
      vms -= 1
      cpus -= claimed.cpus
      memMib -= claimed.memMib + capacity.overheadMib
      diskMib -= claimed.diskMib
    }
    return { ...capacity, vms, cpus, memMib, diskMib }
  }

  /** `spec`: what the text in its row says, where that is at hand. */
  #follow(
    claimed: Claimed,
    { run, spec: known }: { run: (workload: Workload) => Promise<void>; spec?: RunSpec },
  ): Workload {
    const { store, backend, shelf, keepsRequests: keepsRequest, logOf, onTrouble } = this.#o
    const { id } = claimed
    const spec = known ?? specOfText(claimed.spec, { id, archivePath: shelf.archivePath(id) })
    const workload: Workload = new Workload({
      claimed,
      spec,
      log: logOf(id),
      ...{ store, backend, keepsRequest },
      onTrouble: (error) => onTrouble(id, error),
      onStarted: () => {
        this.#starting.delete(id)
        this.#o.onStarted(workload.summary)
        // The place it had among those that start is free once its start is noted, which waits for company too.
        this.#pumpRest({ patient: true })
      },
      onRecording: () => this.#leaving.set(id, workload),
      onEnded: () => {
        this.live.delete(id)
        this.#starting.delete(id)
      },
      onTold: () => this.#o.onEnded(workload.summary),
      onGone: () => {
        this.#leaving.delete(id)
        this.#pumpRest()
      },
    })
    this.live.set(id, workload)
    this.#starting.add(id)
    if (this.#doomed.delete(id)) workload.kill()
    run(workload).catch((error: unknown) => onTrouble(id, error))
    return workload
  }

  async #beat(): Promise<void> {
    try {
      await this.#o.store.renew(this.#o.node, Date.now() + leaseMs)
      await this.#reap()
      this.pump()
    } catch (error) {
      this.#o.onTrouble('', error)
    }
  }

  /** After a renewal of ours: a computer that slept must not take itself for dead. */
  async #reap(): Promise<void> {
    const { store, node } = this.#o
    for (const claimed of await store.reap({ node, now: Date.now(), leaseMs })) {
      this.#follow(claimed, { run: (workload) => workload.abandon('its node was not heard of in time') })
    }
  }
}

/** Templates: snapshots that vms of a class go on from, made in the background, tried before they are used. */
import { mkdir, rename, rm } from 'node:fs/promises'
import { arch, cpus, release } from 'node:os'
import { join } from 'node:path'
import type { TemplateState, VmKind } from '../backend/warm.ts'
import { freeMib, namesIn, sha256, syncPath } from '../base/files.ts'
import type { Facts } from '../base/facts.ts'
import { deadline } from '../base/time.ts'
import type { FirecrackerFacts } from './facts.ts'
import { type Found, foundIn, type Made, markMade } from './marker.ts'
import { fileThing, type Thing } from './network/things.ts'
import type { Snapshot } from './restore.ts'
import { filesIn, takeSnapshot, type SnapshotRequest } from './snapshot.ts'
import { trySnapshot } from './trial.ts'
import type { VmHost } from './vm.ts'

/** Changed when the same inputs give another template. */
const version = 4
/** Each takes the memory of its vm on the disk. */
const most = 8
/** Failures that are remembered, to be told. */
const mostFailures = 8
/** A class that is used but once is not worth the time and the disk. */
const usesBefore = 2
/** Where a template cannot be made, its class is let be for a while, twice as long each time, in milliseconds. */
const restMs = 30_000
const longestRestMs = 3_600_000
/** For the boot, the snapshot and the trial of one template, in milliseconds: Go's takes minutes on a slow emulated host. */
const buildDeadlineMs = 900_000

/** In MiB: memory is written in one call, which has a minute, at 200 MiB a second at most. */
const mostMemMib = 8192
/** That the making of one leaves on the disk for what runs, in MiB. */
const roomLeftMib = 512

/** Names of templates, whole ones and half ones. */
const ours = /^[0-9a-f]{16}(\.making)?$/

interface Failure {
  readonly made: Made
  readonly reason: string
  /** In a row. */
  readonly times: number
  /** By `performance.now()`. */
  readonly restsUntil: number
}

export class Templates {
  readonly #host: VmHost
  readonly #folder: string
  readonly #facts: Facts<FirecrackerFacts>
  /** The one that was used longest ago comes first. */
  readonly #ready = new Map<string, Found>()
  /** Those that are being made or removed. */
  readonly #busy = new Set<string>()
  readonly #uses = new Map<string, number>()
  readonly #wanted = new Map<string, SnapshotRequest>()
  readonly #failed = new Map<string, Failure>()
  readonly #closing = new AbortController()
  #building: Promise<void> | undefined

  private constructor(o: { host: VmHost; folder: string; facts: Facts<FirecrackerFacts> }) {
    this.#host = o.host
    this.#folder = o.folder
    this.#facts = o.facts
  }

  /** Finds what an earlier process has made; what it left half made is removed. */
  static async open(o: { host: VmHost; folder: string; facts: Facts<FirecrackerFacts> }): Promise<Templates> {
    const templates = new Templates(o)
    await mkdir(o.folder, { recursive: true, mode: 0o711 })
    for (const name of await namesIn(o.folder)) {
      const found = await foundIn(join(o.folder, name))
      if (found) templates.#ready.set(name, found)
      else await rm(join(o.folder, name), { recursive: true, force: true })
    }
    return templates
  }

  /** The snapshot for such a vm, where there is one. */
  find(request: SnapshotRequest): Snapshot | undefined {
    const key = this.#keyOf(request)
    const found = this.#ready.get(key)
    if (!found) return undefined
    this.#ready.delete(key)
    this.#ready.set(key, found)
    return filesIn(join(this.#folder, key))
  }

  /**
   * Says that a vm of that class was started. One that comes again gets a template, when those before it have theirs; where
   * none could be made, that is tried again after a rest: each try is a boot, a snapshot and a trial.
   */
  noteUse(request: SnapshotRequest): void {
    const key = this.#keyOf(request)
    const uses = (this.#uses.get(key) ?? 0) + 1
    this.#uses.set(key, uses)
    const rests = performance.now() < (this.#failed.get(key)?.restsUntil ?? 0)
    if (uses >= usesBefore && !rests) this.want(request)
  }

  /** Has one made of that class, when those before it have theirs, unless there is one. Whoever asks waits for no rest. */
  want(request: SnapshotRequest): void {
    const key = this.#keyOf(request)
    if (this.#ready.has(key) || this.#closing.signal.aborted) return
    this.#wanted.set(key, request)
    this.#building ??= this.#build().finally(() => {
      this.#building = undefined
    })
  }

  state(): readonly TemplateState[] {
    const wanted = [...this.#wanted.values()].map(madeOf)
    return [
      ...[...this.#failed].flatMap(([key, { made, reason }]) =>
        this.#wanted.has(key) ? [] : [{ ...made, reason, state: 'failed' as const }],
      ),
      ...[...this.#ready.values()].map((found) => ({ ...found, state: 'ready' as const })),
      ...wanted.map((made, at) => ({ ...made, state: at === 0 ? ('building' as const) : ('waiting' as const) })),
    ]
  }

  /** Takes a template out of use: a vm could not go on from it. Those that did are not touched. */
  async discard(request: SnapshotRequest): Promise<void> {
    await this.#remove(this.#keyOf(request))
  }

  /** Those that are half made, or half removed, and by nobody. */
  async strays(): Promise<Thing[]> {
    const found: Thing[] = []
    const isOwned = (name: string) => this.#ready.has(name) || this.#busy.has(name.replace('.making', ''))
    for (const name of (await namesIn(this.#folder)).filter((name) => ours.test(name) && !isOwned(name))) {
      const path = join(this.#folder, name)
      const remove = () => rm(path, { recursive: true, force: true })
      // It may have become whole, or gone, meanwhile.
      const things = await fileThing(path, { kind: 'template', why: `in ${this.#folder}, which nobody uses`, remove })
      if (!isOwned(name)) found.push(...things)
    }
    return found
  }

  /** Resolves when nothing is being made any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the server stops'))
    await this.#building
  }

  async #build(): Promise<void> {
    for (;;) {
      const [next] = this.#wanted
      if (!next || this.#closing.signal.aborted) return
      const [key, request] = next
      const begun = performance.now()
      const { image, size } = request
      try {
        const limit = { timeoutMs: buildDeadlineMs, signal: this.#closing.signal }
        await deadline(`the template of ${image.name}`, limit, (signal) => this.#make(key, request, signal))
        const ms = performance.now() - begun
        this.#facts.emit('template.built', { runtime: image.name, memMib: size.memMib, ms })
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#noteFailure(key, request, error)
      } finally {
        // Not before: a class that is used while its template is in the making wants no second one.
        this.#wanted.delete(key)
      }
    }
  }

  #noteFailure(key: string, request: SnapshotRequest, error: unknown): void {
    const [made, reason] = [madeOf(request), String(error)]
    const times = (this.#failed.get(key)?.times ?? 0) + 1
    const restsUntil = performance.now() + Math.min(restMs * 2 ** (times - 1), longestRestMs)
    this.#failed.delete(key)
    this.#failed.set(key, { made, reason, times, restsUntil })
    for (const old of [...this.#failed.keys()].slice(0, -mostFailures)) this.#failed.delete(old)
    this.#facts.emit('template.failed', { runtime: made.runtime, memMib: made.memMib, message: reason })
  }

  async #make(key: string, request: SnapshotRequest, signal: AbortSignal): Promise<void> {
    const folder = join(this.#folder, key)
    const making = `${folder}.making`
    this.#busy.add(key)
    try {
      await rm(making, { recursive: true, force: true })
      await this.#expectRoom(request)
      await takeSnapshot(this.#host, { ...request, folder: making, signal })
      const makers = { host: this.#host, facts: this.#facts }
      await trySnapshot(makers, request, { snapshot: filesIn(making), signal })
      for (const name of await namesIn(making)) await syncPath(join(making, name))
      await markMade(making, madeOf(request), this.#inputsOf(request))
      const found = await foundIn(making)
      if (!found) throw new Error(`${making} is gone`)
      await rename(making, folder)
      this.#ready.set(key, found)
      this.#failed.delete(key)
      for (const old of [...this.#ready.keys()].slice(0, -most)) await this.#remove(old)
    } finally {
      await rm(making, { recursive: true, force: true })
      this.#busy.delete(key)
    }
  }

  /** All of a guest's memory is written, and what of it was never used given back then. */
  async #expectRoom({ size }: SnapshotRequest): Promise<void> {
    if (size.memMib > mostMemMib) throw new Error(`no template is made of more than ${mostMemMib} MiB`)
    const [left, needed] = [await freeMib(this.#folder), size.memMib + roomLeftMib]
    if (left < needed) throw new Error(`the disk of ${this.#folder} has ${left} MiB left; making it takes ${needed}`)
  }

  /** Vms that go on from it keep its files for as long as they live. */
  async #remove(key: string): Promise<void> {
    if (!this.#ready.delete(key)) return
    this.#busy.add(key)
    try {
      await rm(join(this.#folder, key), { recursive: true, force: true })
    } finally {
      this.#busy.delete(key)
    }
  }

  #keyOf(request: SnapshotRequest): string {
    return sha256(JSON.stringify(this.#inputsOf(request))).slice(0, 16)
  }

  /** All that decides whether a vm can go on from a snapshot, and what it then is. */
  #inputsOf({ image, size, diskMib, nic }: SnapshotRequest): object {
    const { firecracker, kernel, initramfs } = this.#host.assets
    const host = { kernel: release(), cpu: cpus()[0]?.model, arch: arch() }
    return { version, host, firecracker, kernel, initramfs, image: image.digest, size, diskMib, nic }
  }
}

/** What the vms of a class are, as it is told. */
export function kindOf({ image, size, diskMib }: Pick<SnapshotRequest, 'image' | 'size' | 'diskMib'>): VmKind {
  return { runtime: image.name, ...size, diskMib }
}

const madeOf = (request: SnapshotRequest): Made => ({ ...kindOf(request), nic: request.nic })

/**
 * Vms that are ready before anybody asks: gone on from a template, with network, name, clock and entropy of their own, their
 * agent connected. Each serves one run, like any other. How many of a class wait follows from how often it is asked for.
 */
import type { Facts } from '../base/facts.ts'
import { abortable } from '../base/time.ts'
import type { FirecrackerFacts } from './facts.ts'
import { Phases } from './phases.ts'
import type { Attempt, Started, VmClass } from './makevm.ts'
import { ReadyVm } from './readyvm.ts'
import type { Templates } from './templates.ts'
import { Line } from './line.ts'

export interface PoolOptions {
  readonly facts: Facts<FirecrackerFacts>
  /** What they are made of: a class without one has none that are ready. */
  readonly templates: Pick<Templates, 'find' | 'discard'>
  readonly make: (attempt: Attempt) => Promise<Started>
  /** Most that wait of one class. */
  readonly most: number
  /** MiB of memory that all that wait may have together. */
  readonly memMib: number
}

/** One class of vms that are, or should be, ready. */
export interface PoolState {
  readonly runtime: string
  readonly vcpus: number
  /** Of the whole vm. */
  readonly memMib: number
  readonly network: string
  readonly ready: number
  readonly wanted: number
}

/** How often it is looked whether some have waited too long, in milliseconds. */
const sweepMs = 30_000
/** For one to be made, in milliseconds. */
const makeDeadlineMs = 120_000

export class Pool {
  readonly #o: PoolOptions
  readonly #lines = new Map<string, Line>()
  readonly #sweeper: NodeJS.Timeout
  #stop = new AbortController()
  #filling: Promise<void> | undefined
  #starts = 0
  #quiet = Promise.withResolvers<void>()

  constructor(options: PoolOptions) {
    this.#o = options
    this.#quiet.resolve()
    this.#sweeper = setInterval(() => void this.#sweep(), sweepMs)
    this.#sweeper.unref()
    options.facts.on('template.built', () => this.fill())
  }

  /** A vm of that class that is ready, now the caller's; counts as a wish for more of them. */
  async take(of: VmClass): Promise<Started | undefined> {
    const begun = performance.now()
    // Names are resolved when a run is there that wants them.
    if (of.network.allow.length > 0) return undefined
    const line = this.#lineOf(of)
    line.demand.note()
    for (let ready = line.ready.shift(); ready; ready = line.ready.shift()) {
      if (ready.isFit()) return ready.give(performance.now() - begun)
      await ready.close()
    }
    return undefined
  }

  /** While somebody waits for a start, none is made for later. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    if (this.#starts++ === 0) this.#quiet = Promise.withResolvers()
    try {
      return await start()
    } finally {
      if (--this.#starts === 0) this.#quiet.resolve()
      this.fill()
    }
  }

  /** Sees to it that as many are made as should be there, one after another, when nobody waits for a start. */
  fill(): void {
    this.#filling ??= this.#fill(this.#stop.signal).finally(() => {
      this.#filling = undefined
    })
  }

  /** Removes all that wait; says how many there were. The next use of a class brings it back. */
  async drain(): Promise<number> {
    this.#stop.abort(new Error('the pool is drained'))
    await this.#filling
    this.#stop = new AbortController()
    const ready = [...this.#lines.values()].flatMap((line) => line.ready)
    this.#lines.clear()
    await Promise.all(ready.map((vm) => vm.close()))
    return ready.length
  }

  state(): readonly PoolState[] {
    return [...this.#lines.values()].map(({ of, ready, demand }) => ({
      runtime: of.image.name,
      vcpus: of.size.vcpus,
      memMib: of.size.memMib,
      network: of.network.mode,
      ready: ready.length,
      wanted: demand.wanted(this.#o.most),
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper)
    await this.drain()
    this.#stop.abort(new Error('the server stops'))
  }

  async #fill(signal: AbortSignal): Promise<void> {
    for (;;) {
      await abortable(this.#quiet.promise, signal).catch(() => undefined)
      const line = signal.aborted ? undefined : this.#lacking()
      if (!line) return
      await this.#make(line, signal)
    }
  }

  /** The class used last that has too few, a template to make them of, and room. */
  #lacking(): Line | undefined {
    const lines = [...this.#lines.values()].toSorted((a, b) => b.demand.lastUse - a.demand.lastUse)
    return lines.find(
      (line) => line.lacks(this.#o.most) && this.#hasRoom(line.of.size.memMib) && this.#o.templates.find(line.of),
    )
  }

  #hasRoom(memMib: number): boolean {
    const used = [...this.#lines.values()].reduce((sum, { of, ready }) => sum + ready.length * of.size.memMib, 0)
    return used + memMib <= this.#o.memMib
  }

  async #make(line: Line, signal: AbortSignal): Promise<void> {
    const { facts, templates, make } = this.#o
    const { of } = line
    const begun = performance.now()
    const limit = AbortSignal.any([signal, AbortSignal.timeout(makeDeadlineMs)])
    try {
      const snapshot = templates.find(of)
      const started = await make({ of, snapshot, phases: new Phases(), signal: limit })
      const ms = performance.now() - begun
      line.add(new ReadyVm(started, facts), ms)
      facts.emit('pool.filled', { runtime: of.image.name, memMib: of.size.memMib, ready: line.ready.length, ms })
    } catch (error) {
      if (signal.aborted) return
      line.rest()
      await templates.discard(of)
      facts.emit('pool.failed', { runtime: of.image.name, memMib: of.size.memMib, message: String(error) })
    }
  }

  #lineOf(of: VmClass): Line {
    const key = JSON.stringify([of.image.digest, of.size, of.diskMib, of.network.mode])
    const line = this.#lines.get(key) ?? new Line(of)
    this.#lines.set(key, line)
    return line
  }

  /** Those that waited too long go, and classes that nobody asks for any more. */
  async #sweep(): Promise<void> {
    for (const [key, line] of this.#lines) {
      const old = line.takeOld(this.#o.most)
      if (line.demand.wanted(this.#o.most) === 0 && line.ready.length === 0) this.#lines.delete(key)
      await Promise.all(old.map((vm) => vm.close()))
    }
    this.fill()
  }
}

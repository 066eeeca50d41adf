/**
 * Vms that are ready before anybody asks: gone on from a template, with network, name, clock and entropy of their own, their
 * agent connected. Each serves one run, like any other. Behind them are slots, for when more come at once. How many of a
 * class are kept follows from how often it is asked for.
 */
import type { PoolState } from '../backend/warm.ts'
import type { Facts } from '../base/facts.ts'
import { abortable } from '../base/time.ts'
import type { FirecrackerFacts } from './facts.ts'
import { Calm } from './calm.ts'
import { firstFit, Kept } from './kept.ts'
import { Line } from './line.ts'
import type { Attempt, Started, VmClass } from './makevm.ts'
import { Phases } from './phases.ts'
import { mayBlameSnapshot, type Snapshot } from './restore.ts'
import type { Slot } from './slot.ts'
import { kindOf, type Templates } from './templates.ts'

export interface PoolOptions {
  readonly facts: Facts<FirecrackerFacts>
  /** What they are made of: of a class without one nothing is kept. */
  readonly templates: Pick<Templates, 'find' | 'discard'>
  readonly make: (attempt: Attempt) => Promise<Started>
  readonly makeSlot: (o: { of: VmClass; snapshot: Snapshot; signal: AbortSignal }) => Promise<Slot>
  /** Most that wait of one class. */
  readonly most: number
  /** MiB of memory that all that wait may have together. */
  readonly memMib: number
}

/** What classes share that are made of one template, whatever the modes of their networks. */
const templateOf = ({ image, size, diskMib, nic }: VmClass): string =>
  JSON.stringify([image.digest, size, diskMib, nic])

/** How often it is looked whether some have waited too long, in milliseconds. */
const sweepMs = 30_000
/** For one to be made, in milliseconds: under emulation a rehearsal that builds takes half a minute of a processor, of which it has little. */
const makeDeadlineMs = 600_000

export class Pool {
  readonly #o: PoolOptions
  readonly #lines = new Map<string, Line>()
  readonly #sweeper: NodeJS.Timeout
  #closed = false
  #stop = new AbortController()
  #filling: Promise<void> | undefined
  #making: Line | undefined
  /** How many templates were put away so far. */
  #putAway = 0
  readonly #calm = new Calm()

  constructor(options: PoolOptions) {
    this.#o = options
    this.#sweeper = setInterval(() => void this.#sweep(), sweepMs)
    this.#sweeper.unref()
    options.facts.on('template.built', () => this.fill())
  }

  /** A vm of that class that is ready, now the caller's; counts as a wish for more of them. */
  async take(of: VmClass): Promise<Started | undefined> {
    const begun = performance.now()
    const line = this.#lineOf(of)
    line.demand.note()
    const started = await firstFit(line.ready)
    if (!started) return undefined
    return { ...started, vm: { ...started.vm, start: 'pool', bootMs: performance.now() - begun } }
  }

  /** A slot of that class, now the caller's. */
  async takeSlot(of: VmClass): Promise<Slot | undefined> {
    return firstFit(this.#lineOf(of).slots)
  }

  /** From now on one of each of these is kept ready, asked for or not, behind those that are asked for. */
  expect(classes: readonly VmClass[]): void {
    for (const line of this.#lines.values()) line.isExpected = false
    for (const line of classes.map((of) => this.#lineOf(of))) if (line) line.isExpected = true
    this.fill()
  }

  /** While somebody waits for a start, and while a program has just begun, nothing is made for later. */
  async during<T>(start: () => Promise<T>, ended: (started: T) => Promise<unknown>): Promise<T> {
    try {
      return await this.#calm.during(start, ended)
    } finally {
      this.fill()
    }
  }

  /** Sees to it that as many are made as should be there, one after another, when nobody waits for a start. */
  fill(): void {
    if (this.#closed) return
    this.#filling ??= this.#fill(this.#stop.signal).finally(() => {
      this.#filling = undefined
    })
  }

  /** Says that the template of that class was put away: what was placed on its files would fail in turn, and be the next one's fault. */
  async dropSlots(of: VmClass): Promise<void> {
    this.#putAway += 1
    const lines = [...this.#lines.values()].filter((line) => templateOf(line.of) === templateOf(of))
    await Promise.all(lines.flatMap(({ slots }) => slots.splice(0)).map((slot) => slot.close()))
  }

  /** Removes all that is kept; says how many that were. The next use of a class brings it back. */
  async drain(): Promise<number> {
    this.#stop.abort(new Error('the pool is drained'))
    await this.#filling
    this.#stop = new AbortController()
    const all = [...this.#lines.values()].flatMap((line) => line.takeAll())
    this.#lines.clear()
    await Promise.all(all.map((kept) => kept.close()))
    return all.length
  }

  state(): PoolState {
    const { most, memMib } = this.#o
    const lines = [...this.#lines.values()].map((line) => ({
      ...kindOf(line.of),
      network: line.of.network.mode,
      ready: line.ready.length,
      slots: line.slots.length,
      wanted: line.wanted(most),
    }))
    return { lines, most, memMib }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper)
    // Runs go on to begin and end while what is kept is removed, and what was made for them then would be nobody's.
    this.#closed = true
    await this.drain()
  }

  async #fill(signal: AbortSignal): Promise<void> {
    for (;;) {
      await abortable(this.#calm.next(), signal).catch(() => undefined)
      const line = signal.aborted ? undefined : (this.#lacking('ready') ?? this.#lacking('slots'))
      if (!line) return
      await this.#make(line, signal)
    }
  }

  /** The class used last that lacks that, and has a template and room for it. */
  #lacking(what: 'ready' | 'slots'): Line | undefined {
    const lines = [...this.#lines.values()].toSorted((a, b) => b.demand.lastUse - a.demand.lastUse)
    return lines.find(
      (line) =>
        line.lacks(this.#o.most) === what &&
        (what === 'slots' || this.#givers(line)) &&
        this.#o.templates.find(line.of),
    )
  }

  /**
   * The lines of which one each has to go for one more of that line to have room; undefined where there is none to be had. What
   * is only expected gives way to what is asked for, and to nothing else does anything: two that are asked for in turns would
   * take it from each other for ever.
   */
  #givers(line: Line): Line[] | undefined {
    const lines = [...this.#lines.values()].toSorted((a, b) => a.demand.lastUse - b.demand.lastUse)
    const held = lines.reduce((sum, { of, ready }) => sum + ready.length * of.size.memMib, 0)
    let over = held + line.of.size.memMib - this.#o.memMib
    const isAsked = ({ demand }: Line) => demand.wanted(this.#o.most) > 0
    const idle = isAsked(line) ? lines.filter((other) => !isAsked(other)) : []
    const givers: Line[] = []
    for (const giver of idle.flatMap((other) => other.ready.map(() => other))) {
      if (over <= 0) break
      givers.push(giver)
      over -= giver.of.size.memMib
    }
    return over <= 0 ? givers : undefined
  }

  async #make(line: Line, signal: AbortSignal): Promise<void> {
    const { facts, templates } = this.#o
    const { of } = line
    const snapshot = templates.find(of)
    if (!snapshot) return
    const limit = AbortSignal.any([signal, AbortSignal.timeout(makeDeadlineMs)])
    const isSlot = line.lacks(this.#o.most) === 'slots'
    const phases = new Phases()
    this.#making = line
    try {
      if (isSlot) await this.#addSlot(line, { snapshot, signal: limit })
      else await this.#addReady(line, { snapshot, phases, signal: limit })
    } catch (error) {
      if (signal.aborted) return
      line.rest()
      // One that takes too long is a host's that is busy; a slot has read nothing of the template.
      if (!limit.aborted && !isSlot && mayBlameSnapshot(phases.failedIn(error))) {
        await templates.discard(of)
        await this.dropSlots(of)
      }
      facts.emit('pool.failed', { runtime: of.image.name, memMib: of.size.memMib, message: String(error) })
    } finally {
      this.#making = undefined
    }
  }

  async #addReady(line: Line, o: { snapshot: Snapshot; phases: Phases; signal: AbortSignal }): Promise<void> {
    const { facts, make } = this.#o
    const { of, ready, demand } = line
    const leaving = (this.#givers(line) ?? []).flatMap((giver) => giver.ready.splice(0, 1))
    await Promise.all(leaving.map((kept) => kept.close()))
    const begun = performance.now()
    const started = await make({ of, owner: { kind: 'pool' }, slot: await firstFit(line.slots), ...o })
    const ms = performance.now() - begun
    demand.noteMade(ms)
    ready.push(new Kept(started, { ...started, facts }))
    facts.emit('pool.filled', { runtime: of.image.name, memMib: of.size.memMib, ready: ready.length, ms })
  }

  async #addSlot({ of, slots }: Line, o: { snapshot: Snapshot; signal: AbortSignal }): Promise<void> {
    const before = this.#putAway
    const slot = await this.#o.makeSlot({ of, ...o })
    const kept = new Kept(slot, { vm: slot.placed, scope: slot.scope, facts: this.#o.facts })
    if (before === this.#putAway) slots.push(kept)
    else await kept.close()
  }

  /** What is kept serves a network with a list too: it is narrowed to it once a run is there. */
  #lineOf(of: VmClass): Line {
    const key = `${templateOf(of)} ${of.network.mode}`
    const line = this.#lines.get(key) ?? new Line({ ...of, network: { ...of.network, allow: [] } })
    this.#lines.set(key, line)
    return line
  }

  /** What waited too long goes, and classes that nobody asks for any more. */
  async #sweep(): Promise<void> {
    for (const [key, line] of this.#lines) {
      const unfit = line.takeUnfit(this.#o.most)
      // What is being made for one that is gone would be nobody's.
      if (line.wanted(this.#o.most) === 0 && line !== this.#making) this.#lines.delete(key)
      await Promise.all(unfit.map((kept) => kept.close()))
    }
    this.fill()
  }
}

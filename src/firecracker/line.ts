/** The vms of one class that wait, and how many should. */
import type { VmClass } from './makevm.ts'
import type { ReadyVm } from './readyvm.ts'

/** What counts as lately, in milliseconds. */
const windowMs = 60_000
/** A class that nobody asked for in so long is given up, in milliseconds. */
const idleMs = 10 * 60_000
/** After a failure, in milliseconds. */
const restMs = 60_000

/** How often a class is asked for. */
export class Demand {
  readonly #now: () => number
  #uses: number[] = []
  #makeMs = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** When it was asked for last; 0 for never. */
  get lastUse(): number {
    return this.#uses.at(-1) ?? 0
  }

  note(): void {
    const now = this.#now()
    this.#uses = [...this.#uses.filter((at) => now - at < windowMs), now]
  }

  /** Says how long it takes to make one, in milliseconds. */
  noteMade(ms: number): void {
    this.#makeMs = ms
  }

  /** As many as are asked for while one is made, and one: who comes at the usual pace never waits. */
  wanted(most: number): number {
    const now = this.#now()
    if (this.#uses.length === 0 || now - this.lastUse > idleMs) return 0
    const lately = this.#uses.filter((at) => now - at < windowMs).length
    return Math.min(most, 1 + Math.floor((lately / windowMs) * this.#makeMs))
  }
}

export class Line {
  readonly of: VmClass
  readonly demand = new Demand()
  readonly ready: ReadyVm[] = []
  #restsUntil = 0

  constructor(of: VmClass) {
    this.of = of
  }

  lacks(most: number): boolean {
    return this.ready.length < this.demand.wanted(most) && performance.now() >= this.#restsUntil
  }

  add(vm: ReadyVm, ms: number): void {
    this.demand.noteMade(ms)
    this.ready.push(vm)
  }

  /** Nothing is made for a while. */
  rest(): void {
    this.#restsUntil = performance.now() + restMs
  }

  /** Takes out those that are no longer fit, and those that are too many. */
  takeOld(most: number): ReadyVm[] {
    const fit = this.ready.filter((vm) => vm.isFit()).slice(0, this.demand.wanted(most))
    const old = this.ready.filter((vm) => !fit.includes(vm))
    this.ready.splice(0, this.ready.length, ...fit)
    return old
  }
}

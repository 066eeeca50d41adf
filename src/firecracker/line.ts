/** What is kept of one class. */
import { Demand } from './demand.ts'
import { type Kept, takeUnfit } from './kept.ts'
import type { Started, VmClass } from './makevm.ts'
import type { Slot } from './slot.ts'

/** After a failure, in milliseconds. */
const restMs = 60_000

export class Line {
  readonly of: VmClass
  readonly demand = new Demand()
  readonly ready: Kept<Started>[] = []
  readonly slots: Kept<Slot>[] = []
  /** One is kept ready also while nobody asks for it. */
  isExpected = false
  #restsUntil = 0

  constructor(of: VmClass) {
    this.of = of
  }

  /** How many should be ready. */
  wanted(most: number): number {
    return Math.max(this.demand.wanted(most), this.isExpected ? Math.min(1, most) : 0)
  }

  /** What there should be more of: vms that are ready, and behind them slots for a burst. */
  lacks(most: number): 'ready' | 'slots' | undefined {
    if (performance.now() < this.#restsUntil) return undefined
    if (this.ready.length < this.wanted(most)) return 'ready'
    return this.slots.length < this.demand.wanted(most) ? 'slots' : undefined
  }

  /** Nothing is made for a while. */
  rest(): void {
    this.#restsUntil = performance.now() + restMs
  }

  /** Takes out what is no longer fit or wanted. */
  takeUnfit(most: number): Kept<unknown>[] {
    return [...takeUnfit(this.ready, this.wanted(most)), ...takeUnfit(this.slots, this.demand.wanted(most))]
  }

  takeAll(): Kept<unknown>[] {
    return [...this.ready.splice(0), ...this.slots.splice(0)]
  }
}

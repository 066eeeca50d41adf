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
  #restsUntil = 0

  constructor(of: VmClass) {
    this.of = of
  }

  /** What there should be more of: vms that are ready, and behind them slots for a burst. */
  lacks(most: number): 'ready' | 'slots' | undefined {
    if (performance.now() < this.#restsUntil) return undefined
    const wanted = this.demand.wanted(most)
    if (this.ready.length < wanted) return 'ready'
    return this.slots.length < wanted ? 'slots' : undefined
  }

  /** Nothing is made for a while. */
  rest(): void {
    this.#restsUntil = performance.now() + restMs
  }

  /** Takes out what is no longer fit or wanted. */
  takeUnfit(most: number): Kept<unknown>[] {
    const wanted = this.demand.wanted(most)
    return [...takeUnfit(this.ready, wanted), ...takeUnfit(this.slots, wanted)]
  }

  takeAll(): Kept<unknown>[] {
    return [...this.ready.splice(0), ...this.slots.splice(0)]
  }
}

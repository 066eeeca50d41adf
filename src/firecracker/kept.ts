/** What is kept for a run to come: a vm that is ready, or a jail with a Firecracker that waits for one. */
import type { Facts } from '../base/facts.ts'
import type { Scope } from '../base/scope.ts'
import { type FirecrackerFacts, leftoverOf } from './facts.ts'
import type { Vm } from './vm.ts'

/** Older ones are replaced: whatever drifts in a guest has little time to. In milliseconds. */
const oldMs = 30 * 60_000
/** A host whose clock went another way than its time since boot, by milliseconds, was suspended or had it set. */
const stepMs = 50

export class Kept<T> {
  /** Whose it is from the moment it is taken out: then its scope is the taker's. */
  readonly value: T
  readonly #vm: Pick<Vm, 'names' | 'process'>
  readonly #scope: Scope
  readonly #facts: Facts<FirecrackerFacts>
  readonly #since = performance.now()
  readonly #clock = Date.now() - performance.now()
  #lives = true

  constructor(value: T, o: { vm: Pick<Vm, 'names' | 'process'>; scope: Scope; facts: Facts<FirecrackerFacts> }) {
    this.value = value
    this.#vm = o.vm
    this.#scope = o.scope
    this.#facts = o.facts
    void o.vm.process.ended.catch(() => undefined).finally(() => (this.#lives = false))
  }

  /** False for one that must not be given any more: its Firecracker is gone, it is old, or its clock is no longer ours. */
  isFit(): boolean {
    const stepped = Math.abs(Date.now() - performance.now() - this.#clock) > stepMs
    return this.#lives && !stepped && performance.now() - this.#since < oldMs
  }

  async close(): Promise<void> {
    await this.#scope.close().catch(leftoverOf(this.#facts, this.#vm.names.vmId))
  }
}

/** The first that is fit; those before it are removed. */
export async function firstFit<T>(shelf: Kept<T>[]): Promise<T | undefined> {
  for (let kept = shelf.shift(); kept; kept = shelf.shift()) {
    if (kept.isFit()) return kept.value
    await kept.close()
  }
  return undefined
}

/** Takes out those that are no longer fit, and those that are more than wanted. */
export function takeUnfit<T>(shelf: Kept<T>[], wanted: number): Kept<T>[] {
  const stay = shelf.filter((kept) => kept.isFit()).slice(0, wanted)
  const go = shelf.filter((kept) => !stay.includes(kept))
  shelf.splice(0, shelf.length, ...stay)
  return go
}

/** A vm that waits for its run. */
import type { Facts } from '../base/facts.ts'
import type { FirecrackerFacts } from './facts.ts'
import type { Started } from './makevm.ts'

/** Older ones are replaced: whatever drifts in a guest has little time to. In milliseconds. */
const oldMs = 30 * 60_000
/** A host whose clock went another way than its time since boot, by milliseconds, was suspended or had it set. */
const stepMs = 50

export class ReadyVm {
  readonly #started: Started
  readonly #facts: Facts<FirecrackerFacts>
  readonly #since = performance.now()
  readonly #clock = Date.now() - performance.now()
  #lives = true

  constructor(started: Started, facts: Facts<FirecrackerFacts>) {
    this.#started = started
    this.#facts = facts
    void started.vm.process.ended.catch(() => undefined).finally(() => (this.#lives = false))
  }

  /** False for one that must not be given any more: it is gone, old, or its clock is no longer ours. */
  isFit(): boolean {
    const stepped = Math.abs(Date.now() - performance.now() - this.#clock) > stepMs
    return this.#lives && !stepped && performance.now() - this.#since < oldMs
  }

  /** The vm, whose scope is the taker's from now on; `ms` is what the giving took. */
  give(ms: number): Started {
    const { vm } = this.#started
    this.#facts.emit('pool.taken', { vmId: vm.names.vmId })
    return { ...this.#started, vm: { ...vm, start: 'pool', bootMs: ms } }
  }

  async close(): Promise<void> {
    const { scope, vm } = this.#started
    await scope.close().catch((failure: unknown) => {
      this.#facts.emit('vm.leftover', { vmId: vm.names.vmId, message: String(failure) })
    })
  }
}

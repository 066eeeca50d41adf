/** Gives runs their vms: one that is ready where there is one, else one from a template, else one that boots. */
import type { NetworkSpec, RunSpec } from '../backend/backend.ts'
import { acquire } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import { sizeOf } from './boot.ts'
import { share } from './cgroup.ts'
import { leftoverOf } from './facts.ts'
import { type Makers, makeVm, type Started, type VmClass } from './makevm.ts'
import { narrowReady, narrowSlot } from './narrow.ts'
import { isListed } from './network/allow.ts'
import type { Phases } from './phases.ts'
import type { Pool } from './pool.ts'
import type { Slot } from './slot.ts'
import type { Templates } from './templates.ts'
import type { VmHost } from './vm.ts'

export interface StartRequest {
  readonly spec: RunSpec
  readonly image: Image
  readonly phases: Phases
  readonly signal: AbortSignal
}

export interface StarterOptions extends Makers {
  /** Absent: every vm boots. */
  readonly templates?: Templates | undefined
  /** Absent: no vm is made before it is asked for. */
  readonly pool?: Pool | undefined
}

export class Starter {
  readonly #o: StarterOptions

  constructor(options: StarterOptions) {
    this.#o = options
  }

  /** A start has no side effect before a program is sent, so one that failed is tried again, by a boot with its console on. */
  async start({ spec, image, phases, signal }: StartRequest): Promise<Started> {
    const { templates, pool } = this.#o
    const of = classOf(spec, image)
    const owner = { kind: 'run', id: spec.id } as const
    const ready = pool && (await phases.time('vm', () => pool.take(of)))
    const fit = ready && (await this.#fit(ready, narrowReady, { of, phases, signal }))
    if (fit) return fit
    const snapshot = templates?.find(of)
    try {
      const waiting = await pool?.takeSlot(of)
      const slot = waiting && (await this.#fit(waiting, narrowSlot, { of, phases, signal }))
      return await makeVm(this.#o, { of, owner, snapshot, slot, phases, signal, retried: true })
    } catch (error) {
      if (signal.aborted) throw error
      if (snapshot && mayBlameSnapshot(phases.failedIn(error))) await templates?.discard(of)
      return makeVm(this.#o, { of, owner, console: true, phases, signal, retried: false })
    }
  }

  /** What was kept, no longer behind others, and narrowed to a list; undefined where it could not be made fit, and is gone. */
  async #fit<T extends Started | Slot>(
    kept: T,
    narrow: (host: VmHost, kept: T, o: { spec: NetworkSpec; signal: AbortSignal }) => Promise<T>,
    { of, phases, signal }: { of: VmClass; phases: Phases; signal: AbortSignal },
  ): Promise<T | undefined> {
    const { network } = of
    const { vmId, cgroup } = 'vm' in kept ? kept.vm.names : kept.placed.names
    try {
      return await acquire(
        kept.scope,
        async () => {
          await share(cgroup, 'run')
          if (!isListed(network)) return kept
          return phases.time('narrow', () => narrow(this.#o.host, kept, { spec: network, signal }))
        },
        leftoverOf(this.#o.facts, vmId),
      )
    } catch (error) {
      if (signal.aborted) throw error
      const { step = 'narrow', message } = phases.named(error)
      this.#o.facts.emit('vm.start_failed', { vmId, step, message, retried: true })
      return undefined
    }
  }

  /**
   * Says that a guest which had answered did not begin a program in the time there is: the snapshot that it went on from may
   * be the cause, and all that go on from it would do the same. Neither is used any more.
   */
  async blame(spec: RunSpec, image: Image): Promise<void> {
    const of = classOf(spec, image)
    const message = 'a program did not begin in a vm that went on from it'
    this.#o.facts.emit('template.failed', { runtime: image.name, memMib: of.size.memMib, message })
    await this.#o.templates?.discard(of)
    await this.#o.pool?.drop(of)
  }

  /** Says that a run has ended: now there is time to make the next ones of its class quicker. */
  noteEnd(spec: RunSpec, image: Image): void {
    const of = classOf(spec, image)
    this.#o.templates?.noteUse(of)
    this.#o.pool?.fill()
  }
}

/** Whether what failed in that phase may be the snapshot's fault: a template takes a minute to make anew. */
export function mayBlameSnapshot(phase: string | undefined): boolean {
  return phase !== 'network' && phase !== 'jailer'
}

export function classOf({ resources, network }: Pick<RunSpec, 'resources' | 'network'>, image: Image): VmClass {
  return { image, size: sizeOf(resources), diskMib: resources.diskMib, nic: network.mode !== 'none', network }
}

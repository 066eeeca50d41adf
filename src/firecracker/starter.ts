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
import { mayBlameSnapshot } from './restore.ts'
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

/** Programs in a row that did not begin in vms of a template, before it is put away. */
const hungBefore = 2

export class Starter {
  readonly #o: StarterOptions
  /** How many did not, by the template's memory file. */
  readonly #hung = new Map<string, number>()

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
      if (snapshot && mayBlameSnapshot(phases.failedIn(error))) {
        await templates?.discard(of)
        await pool?.dropSlots(of)
      }
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
   * Says that a guest which had answered did not begin a program in the time there is. Once may be a host's that is busy; at
   * the second time in a row the snapshot is not used again, nor what waits of any, some of which went on from it.
   */
  noteHung({ spec, image }: Pick<StartRequest, 'spec' | 'image'>): void {
    const { templates, pool, facts } = this.#o
    const of = classOf(spec, image)
    const memory = templates?.find(of)?.memory
    if (memory === undefined) return
    const times = (this.#hung.get(memory) ?? 0) + 1
    this.#hung.set(memory, times)
    if (times < hungBefore) return
    this.#hung.delete(memory)
    const message = `${times} programs in a row did not begin in vms that went on from it`
    facts.emit('template.failed', { runtime: image.name, memMib: of.size.memMib, message })
    // What cannot be removed is found by cleanup.
    void Promise.allSettled([templates?.discard(of), pool?.drain()])
  }

  /** Says that a program has begun. */
  noteBegun({ spec, image }: Pick<StartRequest, 'spec' | 'image'>): void {
    // Seldom anything: what has no template or has begun before costs nothing here.
    if (this.#hung.size > 0) this.#hung.delete(this.#o.templates?.find(classOf(spec, image))?.memory ?? '')
  }

  /** Says that a run has ended: now there is time to make the next ones of its class quicker. */
  noteEnd(spec: RunSpec, image: Image): void {
    const of = classOf(spec, image)
    this.#o.templates?.noteUse(of)
    this.#o.pool?.fill()
  }
}

export function classOf({ resources, network }: Pick<RunSpec, 'resources' | 'network'>, image: Image): VmClass {
  return { image, size: sizeOf(resources), diskMib: resources.diskMib, nic: network.mode !== 'none', network }
}

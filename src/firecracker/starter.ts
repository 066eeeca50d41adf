/** Starts vms: from a template where there is one, else by a boot; what fails is tried again, once, the slow and sure way. */
import type { RunSpec } from '../backend/backend.ts'
import type { Facts } from '../base/facts.ts'
import { acquire, Scope } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import type { Session } from './agent.ts'
import { sizeOf } from './boot.ts'
import { bootVm } from './coldstart.ts'
import type { FirecrackerFacts } from './facts.ts'
import { greetSurely } from './greet.ts'
import { namesOf } from './names.ts'
import type { Phases } from './phases.ts'
import { restoreVm } from './restore.ts'
import type { SnapshotRequest } from './snapshot.ts'
import type { Templates } from './templates.ts'
import type { FreshVm, Starting, VmHost } from './vm.ts'

export interface StartRequest {
  readonly spec: RunSpec
  readonly image: Image
  readonly phases: Phases
  readonly signal: AbortSignal
}

/** A vm whose guest knows who it is, and a session to go on with. */
export interface Started {
  readonly scope: Scope
  readonly vm: FreshVm
  readonly session: Session
  /** Round trip of a ping, in microseconds. */
  readonly rttUs: number
}

export interface StarterOptions {
  readonly host: VmHost
  readonly facts: Facts<FirecrackerFacts>
  /** Absent: every vm boots. */
  readonly templates?: Templates | undefined
}

export class Starter {
  readonly #o: StarterOptions

  constructor(options: StarterOptions) {
    this.#o = options
  }

  /** A start has no side effect before a program is sent, so one that failed is tried again, by a boot with its console on. */
  async start(o: StartRequest): Promise<Started> {
    const { host, facts, templates } = this.#o
    const wanted = classOf(o.spec, o.image)
    const snapshot = templates?.find(wanted)
    try {
      return await this.#once(o, (scope, vm) =>
        snapshot ? restoreVm(scope, host, { ...vm, snapshot }) : bootVm(scope, host, vm),
      )
    } catch (error) {
      const { vmId } = namesOf(host.places, o.spec.id)
      const retried = !o.signal.aborted
      const { step = 'start', message } = o.phases.named(error)
      facts.emit('vm.start_failed', { vmId, step, message, retried })
      if (!retried) throw error
      if (snapshot) await templates?.discard(wanted)
      return this.#once({ ...o, console: true }, (scope, vm) => bootVm(scope, host, vm))
    }
  }

  /** Says that a run has ended: now there is time to make the next ones of its class quicker. */
  noteEnd(spec: RunSpec, image: Image): void {
    this.#o.templates?.noteUse(classOf(spec, image))
  }

  async #once(
    o: StartRequest & { console?: boolean },
    begin: (scope: Scope, vm: Starting) => Promise<FreshVm>,
  ): Promise<Started> {
    const { spec, image, phases, signal } = o
    const { facts, host } = this.#o
    const { vmId } = namesOf(host.places, spec.id)
    const { size, diskMib } = classOf(spec, image)
    const common = { runId: spec.id, rootfs: image.rootfs, network: spec.network, console: o.console ?? false }
    const scope = new Scope(`vm ${vmId}`)
    return acquire(
      scope,
      async () => {
        const vm = await phases.time('vm', () => begin(scope, { ...common, size, diskMib, phases, signal }))
        facts.emit('vm.started', { vmId, runtime: spec.runtime, start: vm.start, bootMs: vm.bootMs })
        const greeted = await phases.time('greet', () => greetSurely(scope, vm, { spec, signal }))
        facts.emit('vsock.rtt', { vmId, rttUs: greeted.rttUs })
        return { scope, vm, ...greeted }
      },
      (failure) => facts.emit('vm.leftover', { vmId, message: String(failure) }),
    )
  }
}

/** The class of a run's vm: those of one class can go on from the same snapshot. */
function classOf({ resources, network }: RunSpec, image: Image): SnapshotRequest {
  return { image, size: sizeOf(resources), diskMib: resources.diskMib, nic: network.mode !== 'none' }
}

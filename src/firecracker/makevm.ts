/** One attempt to have a vm whose guest knows who it is: from a snapshot, or by a boot. */
import type { NetworkSpec } from '../backend/backend.ts'
import type { Facts } from '../base/facts.ts'
import { acquire, Scope } from '../base/scope.ts'
import type { Session } from './agent.ts'
import type { Owner } from './book.ts'
import { share } from './cgroup.ts'
import { bootVm } from './coldstart.ts'
import { type FirecrackerFacts, leftoverOf } from './facts.ts'
import { greetSurely } from './greet.ts'
import { namesOf, type VmNames } from './names.ts'
import type { Phases } from './phases.ts'
import { rehearse } from './rehearsal.ts'
import { copyWritten, restoreVm, type Snapshot, wakeVm } from './restore.ts'
import type { Slot } from './slot.ts'
import type { SnapshotRequest } from './snapshot.ts'
import type { FreshVm, VmHost } from './vm.ts'

/** All that makes one vm another than the next, but for its program: vms of one class serve each other's runs. */
export interface VmClass extends SnapshotRequest {
  readonly network: NetworkSpec
}

/** A vm whose guest knows who it is, and a session to go on with. */
export interface Started {
  readonly scope: Scope
  readonly vm: FreshVm
  readonly session: Session
  /** Round trip of a ping, in microseconds. */
  readonly rttUs: number
}

export interface Attempt {
  readonly of: VmClass
  readonly owner: Owner
  /** Absent, the vm boots. */
  readonly snapshot?: Snapshot | undefined
  /** Where the snapshot is loaded, if there is one; else a place is made. */
  readonly slot?: Slot | undefined
  readonly console?: boolean
  readonly phases: Phases
  readonly signal: AbortSignal
}

export interface Manner {
  /** Another attempt follows where this one fails. */
  readonly retried: boolean
  /** With a dry run at its end. */
  readonly rehearsed?: boolean
}

export interface Makers {
  readonly host: VmHost
  readonly facts: Facts<FirecrackerFacts>
}

/** Rejects having left nothing behind, and states the fact that a start failed. */
export async function makeVm({ host, facts }: Makers, o: Attempt & Manner): Promise<Started> {
  const { of, snapshot, slot, phases, signal } = o
  const scope = slot?.scope ?? new Scope('vm')
  const vmId = slot?.placed.names.vmId ?? (await host.book.enter(scope, o.owner))
  const request = { vmId, rootfs: of.image.rootfs, size: of.size, diskMib: of.diskMib, network: of.network }
  const starting = { ...request, console: o.console ?? false, phases, signal }
  // Whoever waits for a start would wait for this too, and most of it is for the end of a program.
  const copy =
    o.rehearsed && snapshot
      ? () => copyOrTell(namesOf(host.places, vmId), { facts, phases, snapshot, signal })
      : undefined
  const make = () => {
    if (slot) return wakeVm(host, slot.placed, { ...starting, first: copy })
    return snapshot ? restoreVm(scope, host, { ...starting, snapshot, first: copy }) : bootVm(scope, host, starting)
  }
  try {
    return await acquire(
      scope,
      async () => {
        const vm = await phases.time('vm', make)
        facts.emit('vm.started', { vmId, runtime: of.image.name, start: vm.start, bootMs: vm.bootMs })
        const greeted = await phases.time('greet', () => greetSurely(scope, vm, signal))
        facts.emit('vsock.rtt', { vmId, rttUs: greeted.rttUs })
        if (o.rehearsed) {
          const { image, size } = of
          // What runs goes before it, until it is given to a run.
          await share(vm.names.cgroup, 'later')
          await phases.time('rehearsal', () => rehearse(greeted.session, { image, memMib: size.memMib, signal }))
        }
        return { scope, vm, ...greeted }
      },
      leftoverOf(facts, vmId),
    )
  } catch (error) {
    const { step = 'start', message } = phases.named(error)
    facts.emit('vm.start_failed', { vmId, step, message, retried: o.retried && !signal.aborted })
    throw error
  }
}

/** Slower is all that a vm is without. */
async function copyOrTell(
  names: VmNames,
  {
    facts,
    phases,
    snapshot,
    signal,
  }: Pick<Makers, 'facts'> & Pick<Attempt, 'phases' | 'signal'> & { snapshot: Snapshot },
): Promise<void> {
  try {
    await phases.time('copy', () => copyWritten(names, { snapshot, signal }))
  } catch (error) {
    facts.emit('pool.uncopied', { vmId: names.vmId, message: String(error) })
  }
}

/** A vm that a server before this one has started: found by its names, taken up by the undos of its start. */
import type { NetworkSpec, Recovery, RunSpec } from '../backend/backend.ts'
import type { Scope } from '../base/scope.ts'
import { deadline } from '../base/time.ts'
import type { Image } from '../images/images.ts'
import type { Session } from './agent.ts'
import { isEmpty, removeCgroup } from './cgroup.ts'
import { removeJail } from './jail.ts'
import { JailedProcess } from './jailer.ts'
import { namesOf } from './names.ts'
import { Phases } from './phases.ts'
import { attach } from './program.ts'
import { FirecrackerRun } from './run.ts'
import { kill, killDeadlineMs, living, openSession, type Vm, type VmHost } from './vm.ts'

export type FoundVm = Pick<Vm, 'names'>

/** The vm of a run, where it lives; undefined where there is none, or something of it only. */
export async function findVm(
  { book, places }: Pick<VmHost, 'book' | 'places'>,
  runId: string,
): Promise<FoundVm | undefined> {
  const vmId = book.vmOf(runId)
  if (vmId === undefined) return undefined
  const names = namesOf(places, vmId)
  return (await isEmpty(names.cgroup)) ? undefined : { names }
}

/** For the guest to answer, in milliseconds. */
const attachDeadlineMs = 20_000

export interface Resuming {
  readonly found: FoundVm
  readonly spec: RunSpec
  readonly image: Image
  readonly recovery: Recovery
  readonly signal: AbortSignal
}

/**
 * Takes up a run with its vm. Rejects when that cannot be done: the caller closes the scope, and with it the vm, unless
 * the signal was the reason.
 */
export async function resume(scope: Scope, host: VmHost, o: Resuming): Promise<FirecrackerRun> {
  const { found, spec, image, recovery, signal } = o
  const vm = await readopt(scope, host, { found, network: spec.network })
  let session: Session | undefined
  try {
    session = await openSession(vm, signal)
    scope.defer('close the session', () => session?.close())
    const agent = session
    const limit = { timeoutMs: attachDeadlineMs, signal }
    const attached = await deadline('the answer to attach', limit, (signal) =>
      attach(agent, spec.id, { seen: recovery.seen, signal }),
    )
    // The host's clock may have been set since: its vm was not the run's for longer than the book says.
    const sinceStartMs = Math.min(Date.now() - recovery.startedAt, host.book.heldMs(vm.names.vmId))
    const killed = host.book.killedFor(vm.names.vmId)
    const phases = Phases.after(recovery.facts, sinceStartMs)
    const refusals = await host.networks.watch(scope, vm.names.vmId)
    const firewall = await host.networks.firewallOf(vm.names.vmId)
    const known = { ...recovery.facts, ...(firewall && { firewall }) }
    const parts = { spec, image, scope, vm, session, phases, known, refusals }
    return FirecrackerRun.resume(parts, attached, { seen: recovery.seen, sinceStartMs, killed })
  } catch (error) {
    session?.close()
    if (signal.aborted) vm.forget()
    throw error
  }
}

/**
 * Registers what startVm registers, in the same order: closing the scope then ends the vm and removes all that was made
 * for it. Rejects when something of it is not as it was made; the caller closes the scope.
 */
async function readopt(scope: Scope, host: VmHost, o: { found: FoundVm; network: NetworkSpec }): Promise<Vm> {
  const { names } = o.found
  host.book.adopt(scope, names.vmId)
  scope.defer('remove the cgroup', () => removeCgroup(names.cgroup, AbortSignal.timeout(killDeadlineMs)))
  const process = JailedProcess.adopt(names)
  // Registered together, before anything that may fail: half a vm must not live on without its undos.
  const network = scope.inner('detach the network')
  scope.defer('remove the jail', () => removeJail(host.spawner.run, names.jail))
  scope.defer('kill Firecracker', () => kill(names, process))
  await host.networks.reattach(network, { vmId: names.vmId, spec: o.network })
  return living(host, { names, process })
}

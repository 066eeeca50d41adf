/**
 * Vms that were made before they were asked for, for runs with a list: they may reach what any run of their mode may until
 * then. What one may reach is narrowed before anything of its run is in it.
 */
import type { NetworkSpec } from '../backend/backend.ts'
import { answering, configure } from './greet.ts'
import type { Started } from './makevm.ts'
import type { Slot } from './slot.ts'
import type { VmHost } from './vm.ts'

interface Narrowing {
  /** With a list. */
  readonly spec: NetworkSpec
  readonly signal: AbortSignal
}

/** The guest is told of its name servers when it is greeted. Rejects with a VulcanError; the caller closes the scope. */
export async function narrowSlot(host: Pick<VmHost, 'networks'>, slot: Slot, o: Narrowing): Promise<Slot> {
  const { placed } = slot
  const network = await host.networks.narrow(placed.network, { vmId: placed.names.vmId, ...o })
  return { ...slot, placed: { ...placed, network } }
}

/** The guest, which was greeted already, is told anew. Rejects with a VulcanError; the caller closes the scope. */
export async function narrowReady(host: Pick<VmHost, 'networks'>, started: Started, o: Narrowing): Promise<Started> {
  const { vm, session } = started
  const network = await host.networks.narrow(vm.network, { vmId: vm.names.vmId, ...o })
  // It may have stopped while it waited; then another can have the run.
  await answering(o.signal, (signal) => configure(session, { nowMs: Date.now(), network, signal }))
  return { ...started, vm: { ...vm, network } }
}

/** A jail with network, cgroup and a Firecracker that waits for its snapshot: all of a start that can be made ahead. */
import { acquire, Scope } from '../base/scope.ts'
import { leftoverOf } from './facts.ts'
import type { Makers, VmClass } from './makevm.ts'
import { Phases } from './phases.ts'
import { placeForRestore, type Snapshot } from './restore.ts'
import type { Placed } from './vm.ts'

export interface Slot {
  readonly scope: Scope
  readonly placed: Placed
}

/** Rejects having left nothing behind. */
export async function makeSlot(
  { host, facts }: Makers,
  { of, snapshot, signal }: { of: VmClass; snapshot: Snapshot; signal: AbortSignal },
): Promise<Slot> {
  const scope = new Scope('slot')
  const vmId = await host.book.enter(scope, { kind: 'pool' })
  const { image, size, diskMib, network } = of
  const request = { vmId, rootfs: image.rootfs, size, diskMib, network, console: false, phases: new Phases(), signal }
  return acquire(
    scope,
    async () => ({ scope, placed: await placeForRestore(scope, host, { ...request, snapshot }) }),
    leftoverOf(facts, vmId),
  )
}

/** A snapshot is tried before it is used: a vm goes on from it, takes what each is told, and runs a program. */
import { copiedBy, keepPages } from './ahead.ts'
import { pidsIn } from './cgroup.ts'
import { type Makers, makeVm } from './makevm.ts'
import { inJail } from './names.ts'
import { Phases } from './phases.ts'
import { tryOut } from './rehearsal.ts'
import type { Snapshot } from './restore.ts'
import { networkOf, type SnapshotRequest } from './snapshot.ts'

/** Rejects where that cannot be. Which pages the vm has written to is kept beside the snapshot, for those that follow. */
export async function trySnapshot(
  makers: Makers,
  request: SnapshotRequest,
  { snapshot, signal }: { snapshot: Snapshot; signal: AbortSignal },
): Promise<void> {
  const attempt = { of: { ...request, network: networkOf(request) }, owner: { kind: 'template' } } as const
  const o = { ...attempt, snapshot, phases: new Phases(), signal, retried: false }
  const { scope, vm, session } = await makeVm(makers, o)
  try {
    await tryOut(session, { image: request.image, memMib: request.size.memMib, signal })
    const [pid] = await pidsIn(vm.names.cgroup)
    if (pid !== undefined) await keepPages(snapshot.written, await copiedBy(pid, inJail.memory))
  } finally {
    await scope.close()
  }
}

/** A snapshot of a vm that has booted, is warm, and has never seen anything of a tenant. */
import { chmod, chown, mkdir, rename, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { NetworkSpec } from '../backend/backend.ts'
import { run } from '../base/process.ts'
import { Scope } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import { FirecrackerApi } from './api.ts'
import { bootVm } from './coldstart.ts'
import { configure } from './greet.ts'
import { prepareOf, warmOf } from './launch.ts'
import { inJail } from './names.ts'
import { Phases } from './phases.ts'
import { exec, follow, prepare } from './program.ts'
import type { Snapshot } from './restore.ts'
import { type FreshVm, kill, openSession, type Vm, type VmHost, type VmRequest } from './vm.ts'

/** What a snapshot is made of, beside what all vms of this host share. */
export interface SnapshotRequest extends Pick<VmRequest, 'size' | 'diskMib'> {
  readonly image: Image
  /** Whether its guests have a network interface. */
  readonly nic: boolean
}

/** A network that is enough for a vm of that class. */
export function networkOf({ nic }: Pick<SnapshotRequest, 'nic'>): NetworkSpec {
  return { mode: nic ? 'host' : 'none', allow: [] }
}

export function filesIn(folder: string): Snapshot {
  return {
    memory: join(folder, 'memory'),
    state: join(folder, 'state'),
    disk: join(folder, 'disk'),
    written: join(folder, 'written'),
  }
}

/** Boots a vm, warms it up and leaves its snapshot in the folder, which it makes. The vm is gone afterwards. */
export async function takeSnapshot(
  host: VmHost,
  o: SnapshotRequest & { folder: string; signal: AbortSignal },
): Promise<void> {
  const { image, size, diskMib, signal } = o
  await using scope = new Scope(`snapshot of ${image.name}`)
  const network = networkOf(o)
  const vmId = await host.book.enter(scope, { kind: 'template' })
  const request = { vmId, rootfs: image.rootfs, size, diskMib, network, console: false, fileMib: size.memMib }
  const vm = await bootVm(scope, host, { ...request, phases: new Phases(), signal })
  await warmUp(vm, o)
  await makeRoom(vm)
  await FirecrackerApi.use(vm.names.apiSocket, signal, async (api) => {
    await api.pause()
    await api.createSnapshot({ snapshot_path: inJail.state, mem_file_path: inJail.memory })
  })
  // The disk belongs to this moment: the vm must not go on.
  await kill(vm.names, vm.process)
  await keep(vm, o.folder)
  await digHoles(filesIn(o.folder).memory, signal)
}

/**
 * The clock that an interpreter comes to wait by. OpenSSL seeds its generator anew where its last seed is older than an
 * hour: each vm that goes on from the snapshot, whose clock is then set, has one of its own.
 */
const longAgoMs = Date.UTC(2000, 0)

/** Runs what touches the pages that every start of the runtime touches, and leaves an interpreter that waits. */
async function warmUp(vm: Vm, { image, size, signal }: SnapshotRequest & { signal: AbortSignal }): Promise<void> {
  const session = await openSession(vm, signal)
  try {
    const request = warmOf(image, size.memMib)
    if (request) {
      await exec(session, { ...request, run: randomUUID(), tag: 'program', keep_ms: 0 }, signal)
      const { ended } = await follow(session, () => Promise.resolve(), signal)
      if (ended.code !== 0) throw new Error(`warming up ${image.name}: ${JSON.stringify(ended)}`)
    }
    const waiting = prepareOf(image)
    if (!waiting) return
    await configure(session, { nowMs: longAgoMs, network: {}, signal })
    await prepare(session, waiting, signal)
  } finally {
    session.close()
  }
}

/** Firecracker may make no files in its jail: those that it will write are made for it. */
async function makeRoom({ names, uid }: FreshVm): Promise<void> {
  for (const path of [inJail.state, inJail.memory]) {
    await writeFile(join(names.root, path), '', { mode: 0o600 })
    await chown(join(names.root, path), uid, uid)
  }
}

/**
 * Most of a guest's memory was never written to. As holes its zeroes take neither disk nor page cache: 368 MiB of a Python vm
 * become 121, 1136 of a Go vm 273. A file system that has no holes keeps them.
 */
async function digHoles(memory: string, signal: AbortSignal): Promise<void> {
  await run(['fallocate', '--dig-holes', memory], { signal, okCodes: [0, 1] })
}

/** Nobody may change what vms map: the files become root's, and read-only. */
async function keep({ names }: Vm, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o711 })
  const files = filesIn(folder)
  const moves = [
    [inJail.memory, files.memory],
    [inJail.state, files.state],
    [inJail.disk, files.disk],
  ] as const
  for (const [from, to] of moves) {
    await rename(join(names.root, from), to)
    await chown(to, 0, 0)
    await chmod(to, 0o444)
  }
}

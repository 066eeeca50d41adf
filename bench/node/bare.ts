/** The floor of a restore: Firecracker in a bare chroot: no jailer, cgroup, network or namespaces. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scope } from '../../src/base/scope.ts'
import { run } from '../../src/base/process.ts'
import { Session } from '../../src/firecracker/agent.ts'
import { FirecrackerApi } from '../../src/firecracker/api.ts'
import type { VmClass } from '../../src/firecracker/makevm.ts'
import { agentPort, inJail } from '../../src/firecracker/names.ts'
import type { Snapshot } from '../../src/firecracker/restore.ts'
import type { VmHost } from '../../src/firecracker/vm.ts'
import { dial } from '../../src/firecracker/vsock.ts'

/** Milliseconds from the spawn of Firecracker to the agent's hello. */
export async function bareRestore(
  scope: Scope,
  host: VmHost,
  { of, snapshot, signal }: { of: VmClass; snapshot: Snapshot; signal: AbortSignal },
): Promise<number> {
  const folder = join(host.places.home, 'bare')
  await fill(scope, { folder, host, of, snapshot })
  const begun = performance.now()
  start(scope, folder)
  await FirecrackerApi.use(join(folder, inJail.apiSocket), signal, (api) =>
    api.loadSnapshot({
      snapshot_path: inJail.state,
      mem_backend: { backend_type: 'File', backend_path: inJail.memory },
      network_overrides: [],
      resume_vm: true,
    }),
  )
  await hello(join(folder, inJail.vsock), signal)
  return performance.now() - begun
}

/** What Firecracker opens there, made before the time counts. */
async function fill(
  scope: Scope,
  { folder, host, of, snapshot }: { folder: string; host: VmHost; of: VmClass; snapshot: Snapshot },
): Promise<void> {
  const binds: [string, string][] = [
    [of.image.rootfs, inJail.rootfs],
    [snapshot.memory, inJail.memory],
    [snapshot.state, inJail.state],
    ['/dev', '/dev'],
  ]
  scope.defer('remove the folder', () => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'run'), { recursive: true })
  await mkdir(join(folder, 'dev'))
  await copyFile(host.assets.firecracker, join(folder, 'firecracker'))
  await copyFile(snapshot.disk, join(folder, inJail.disk))
  await run(['chmod', '600', join(folder, inJail.disk)])
  for (const [from, to] of binds) {
    if (from !== '/dev') await run(['touch', join(folder, to)])
    scope.defer(`unmount ${to}`, async () => void (await run(['umount', join(folder, to)])))
    await run(['mount', '--bind', from, join(folder, to)])
  }
}

function start(scope: Scope, folder: string): void {
  const child = spawn('chroot', [folder, '/firecracker', '--api-sock', inJail.apiSocket, '--level', 'Error'], {
    stdio: 'ignore',
  })
  scope.defer('kill it', async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
}

/** As a start dials: right after a restore a connection can stay without an answer. */
async function hello(vsock: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(1500)])
    try {
      return (await Session.open(await dial(vsock, agentPort, limit), limit)).close()
    } catch (error) {
      if (signal.aborted) throw error
    }
  }
}

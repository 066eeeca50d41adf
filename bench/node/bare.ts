/** The floor of a restore: Firecracker in a bare chroot: no jailer, cgroup, network or namespaces. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Scope } from '../../src/base/scope.ts'
import { run } from '../../src/base/process.ts'
import type { VmClass } from '../../src/firecracker/makevm.ts'
import { inJail } from '../../src/firecracker/names.ts'
import { Phases } from '../../src/firecracker/phases.ts'
import { type Snapshot, wake } from '../../src/firecracker/restore.ts'
import type { VmHost } from '../../src/firecracker/vm.ts'

/** Milliseconds from the spawn of Firecracker to the agent's hello. */
export async function bareRestore(
  host: VmHost,
  { of, snapshot, signal }: { of: VmClass; snapshot: Snapshot; signal: AbortSignal },
): Promise<number> {
  await using scope = new Scope('bare')
  const folder = join(host.places.home, 'bare')
  await fill(scope, { folder, host, of, snapshot })
  const begun = performance.now()
  start(scope, folder)
  const names = { apiSocket: join(folder, inJail.apiSocket), vsock: join(folder, inJail.vsock) }
  const session = await wake({ names, network: {} }, { phases: new Phases(), signal })
  const ms = performance.now() - begun
  session.close()
  return ms
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

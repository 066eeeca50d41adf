/** The folder a vm lives in: its `/`, the shared files mounted into it read-only, and the disk of its own. */
import { chmod, chown, lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunCommand } from '../base/process.ts'
import type { Scope } from '../base/scope.ts'
import { spawnerItself } from '../base/spawner.ts'
import { together } from '../base/together.ts'
import { inJail, type VmNames } from './names.ts'

export interface JailFiles {
  /** Files on the host, and where the vm sees them, read-only. */
  readonly shared: readonly (readonly [from: string, to: string])[]
  /** The disk that is copied for this vm. */
  readonly disk: string
}

const mountTimeoutMs = 30_000

/** Makes the jail's root with everything Firecracker will open; all of it belongs to the vm's user or is read-only. */
export async function prepareJail(
  scope: Scope,
  o: { run: RunCommand; names: VmNames; uid: number; gid: number; files: JailFiles; signal: AbortSignal },
): Promise<void> {
  const { root, jail } = o.names
  scope.defer('remove the jail', () => removeJail(o.run, jail))
  await mkdir(join(root, 'run'), { recursive: true, mode: 0o700 })
  await chown(join(root, 'run'), o.uid, o.gid)
  // Both have settled before the jail is removed: a copy that still begins would be left in it.
  await together(
    o.signal,
    (signal) => mountShared(root, o.files.shared, { ...o, signal }),
    (signal: AbortSignal) => copyDisk(join(root, inJail.disk), { ...o, signal }),
  )
}

/**
 * Shared files are mounted, not linked: a link needs one file system, and a mount can be read-only, so that no vm can
 * change what the others read.
 */
async function mountShared(
  root: string,
  pairs: JailFiles['shared'],
  { run, signal }: { run: RunCommand; signal: AbortSignal },
): Promise<void> {
  const paths = pairs.flatMap(([from, to]) => [from, join(root, to)])
  await run([spawnerItself, 'bind', ...paths], { timeoutMs: mountTimeoutMs, signal })
}

async function copyDisk(
  target: string,
  {
    run,
    uid,
    gid,
    files,
    signal,
  }: { run: RunCommand; uid: number; gid: number; files: JailFiles; signal: AbortSignal },
): Promise<void> {
  await run([spawnerItself, 'copy', files.disk, target, `${uid}`, `${gid}`], { timeoutMs: mountTimeoutMs, signal })
}

/** Folders that the jailer gives to the vm's user: Firecracker makes its sockets there. */
const folders = ['/', '/dev', '/dev/net', '/run']
/** Devices that the jailer makes; who has a vm has opened those it needs. */
const devices = ['/dev/kvm', '/dev/net/tun', '/dev/userfaultfd']

/**
 * Takes devices from a jail, and its folders from the vm's user, when the vm runs and before anybody's program comes. Whoever
 * breaks out of his vm could else speak to KVM anew, fill the host's disk with files, or put links where we connect by
 * path. The folders' group stays the vm's.
 */
export async function closeJail(root: string): Promise<void> {
  const close = async (path: string) => {
    await chown(path, 0, (await lstat(path)).gid)
    await chmod(path, 0o711)
  }
  await Promise.all([
    ...folders.map((folder) => close(join(root, folder))),
    ...devices.map((device) => rm(join(root, device), { force: true })),
  ])
}

/** Unmounts and removes a jail; one that is half made, or not there, is fine. The vm must have ended. */
export async function removeJail(run: RunCommand, jail: string): Promise<void> {
  const mounts = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), jail)
  if (mounts.length > 0) await run([spawnerItself, 'unmount', ...mounts], { timeoutMs: mountTimeoutMs })
  await rm(jail, { recursive: true, force: true })
}

/** Mount points below a folder, the last mounted first, from the text of /proc/self/mountinfo. */
export function mountsBelow(mountinfo: string, folder: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, digits: string) =>
        String.fromCharCode(parseInt(digits, 8)),
      ),
    )
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed()
}

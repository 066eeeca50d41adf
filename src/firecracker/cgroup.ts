/** Control groups of vms: limits the jailer cannot be told, killing what is in one, and removing it. */
import { type FSWatcher, watch } from 'node:fs'
import { mkdir, readFile, readdir, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { exists, isMissing, textIn, unlessMissing } from '../base/files.ts'
import { abortable, deadline, sleep } from '../base/time.ts'

/** Controllers a vm's limits need. */
const controllers = ['cpu', 'memory', 'pids', 'io'] as const

/**
 * Makes the cgroup of all vms and hands the controllers down to it. The one it is made in is somebody else's, who has to
 * have delegated it: host_unfit where it is not there, or cannot hand anything down.
 */
export async function prepareParent(parent: string): Promise<void> {
  const within = dirname(parent)
  const handedDown = controllers.map((name) => `+${name}`).join(' ')
  try {
    // Not recursively: one that a service manager does not know of is none that it has delegated.
    if (!(await exists(parent))) await mkdir(parent)
    for (const folder of [within, parent]) await writeFile(join(folder, 'cgroup.subtree_control'), handedDown)
  } catch (cause) {
    throw new VulcanError('host_unfit', `vms cannot have their cgroups in ${within}: ${String(cause)}`, {
      step: 'cgroup',
      hint: 'the setting cgroup names one that is there and hands down cpu, memory, pids and io; under systemd that of vulcan-vms.service (deploy/README.md)',
      cause,
    })
  }
}

/** Shares of the processor where others of ours want it too: of a run, and of what is rehearsed for later. */
export const shares = { run: 100, later: 25 } as const

/** Gives a vm its share; one whose cgroup is gone needs none. */
export async function share(cgroup: string, of: keyof typeof shares): Promise<void> {
  await unlessMissing(writeFile(join(cgroup, 'cpu.weight'), String(shares[of]), { flag: 'r+' }))
}

export interface IoLimits {
  readonly readBytesPerS: number
  readonly writeBytesPerS: number
}

/**
 * Limits the vm's traffic with the disk that holds `path`. The jailer splits a value at every `=`, so it cannot write
 * io.max. A file system without a disk of its own (tmpfs, 9p, overlay) has nothing to limit.
 */
export async function limitIo(cgroup: string, path: string, limits: IoLimits): Promise<void> {
  const { dev } = await stat(path)
  // Linux' packing of device numbers: 12 bits of major in the middle, minor around it.
  const major = (dev >> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
  const disk = await wholeDisk(`${major}:${minor}`)
  if (!disk) return
  await writeFile(join(cgroup, 'io.max'), `${disk} rbps=${limits.readBytesPerS} wbps=${limits.writeBytesPerS}`)
}

/** The number of the disk that a partition is on; the limits of io.max are per disk. */
async function wholeDisk(device: string): Promise<string | undefined> {
  const folder = `/sys/dev/block/${device}`
  if (!(await exists(folder))) return undefined
  if (!(await exists(join(folder, 'partition')))) return device
  return (await readFile(join(folder, '..', 'dev'), 'utf8')).trim()
}

/** Processes in the cgroup, by their numbers here; one that is gone has none. */
export async function pidsIn(cgroup: string): Promise<number[]> {
  const text = (await textIn(join(cgroup, 'cgroup.procs'))) ?? ''
  return text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line)]))
}

/** Processor time that its processes have taken, in milliseconds; undefined where it is gone. */
export async function cpuMsOf(cgroup: string): Promise<number | undefined> {
  const us = /^usage_usec (\d+)$/m.exec((await textIn(join(cgroup, 'cpu.stat'))) ?? '')?.[1]
  return us === undefined ? undefined : Number(us) / 1000
}

/** For processes to stop where they are, in milliseconds; a few are usual under emulation. */
const stillDeadlineMs = 5000

/** Does something while all processes in the cgroup stand still. */
export async function standingStill<T>(cgroup: string, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  const freeze = (value: '0' | '1') => writeFile(join(cgroup, 'cgroup.freeze'), value, { flag: 'r+' })
  const isStill = async () => (await readFile(join(cgroup, 'cgroup.events'), 'utf8')).includes('frozen 1')
  try {
    await freeze('1')
    await deadline(`${cgroup} to stand still`, { timeoutMs: stillDeadlineMs, signal }, async (inner) => {
      while (!(await isStill())) await sleep(1, inner)
    })
    return await act()
  } finally {
    await unlessMissing(freeze('0'))
  }
}

/** Kills every process in the cgroup at once; a cgroup that is gone has none. */
export async function killAll(cgroup: string): Promise<void> {
  await unlessMissing(writeFile(join(cgroup, 'cgroup.kill'), '1', { flag: 'r+' }))
}

/** Removes a cgroup and those below it, once the last process has left it. */
export async function removeCgroup(cgroup: string, signal: AbortSignal): Promise<void> {
  await emptied(cgroup, signal)
  if (!(await exists(cgroup))) return
  for (const entry of await readdir(cgroup, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroup(join(cgroup, entry.name), signal)
  }
  await unlessMissing(rmdir(cgroup))
}

/** True when nothing runs in the cgroup, or there is none. */
export async function isEmpty(cgroup: string): Promise<boolean> {
  try {
    return (await readFile(join(cgroup, 'cgroup.events'), 'utf8')).includes('populated 0')
  } catch (error) {
    if (isMissing(error)) return true
    throw error
  }
}

/** Milliseconds between two looks at a cgroup of which the kernel says nothing. */
const lookAgainMs = 5000

/**
 * Resolves when nothing runs in the cgroup. The kernel tells by a change of cgroup.events; a slow look beside it is for a
 * change that was not told.
 */
export async function emptied(cgroup: string, signal: AbortSignal): Promise<void> {
  if (await isEmpty(cgroup)) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const check = () => void isEmpty(cgroup).then((empty) => (empty ? resolve() : undefined), reject)
  const again = setInterval(check, lookAgainMs)
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(join(cgroup, 'cgroup.events'), check).on('error', check)
    check()
    await abortable(promise, signal)
  } catch (error) {
    // Gone before it could be watched.
    if (!isMissing(error)) throw error
  } finally {
    watcher?.close()
    clearInterval(again)
  }
}

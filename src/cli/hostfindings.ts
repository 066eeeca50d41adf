/** Reads of this host what its hardening is judged by (hardening.ts). Nothing is changed; what is not there is undefined. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isMissing } from '../base/files.ts'
import type { HostFindings, Swap } from './hardening.ts'
import type { Fault } from './trust.ts'

export interface Looking {
  readonly home: string
  /** Most vms at once, as the settings have it. */
  readonly vms: number
  /** Files and folders beside the home of which something is run, as root or by a vm. */
  readonly programs: readonly string[]
}

export async function hostFindings({ home, vms, programs }: Looking): Promise<HostFindings> {
  const cpu = '/sys/devices/system/cpu'
  const kvm = '/sys/module/kvm/parameters'
  const cpuinfo = (await text('/proc/cpuinfo')) ?? ''
  const mountinfo = (await text('/proc/self/mountinfo')) ?? ''
  return {
    vms,
    smt: await text(`${cpu}/smt/control`),
    ksm: await text('/sys/kernel/mm/ksm/run'),
    swaps: await swaps(),
    vulnerabilities: await vulnerabilities(`${cpu}/vulnerabilities`),
    vendor: /^vendor_id\s*:\s*(\S+)/m.exec(cpuinfo)?.[1],
    microcode: /^microcode\s*:\s*(\S+)/m.exec(cpuinfo)?.[1],
    nxHugePages: await text(`${kvm}/nx_huge_pages`),
    minTimerUs: numberOf(await text(`${kvm}/min_timer_period_us`)),
    nested: await nested(),
    favorsDynamicChanges: /^.* - cgroup2 \S+ .*\bfavordynmods\b/m.test(mountinfo),
    consoleLevel: numberOf(await text('/proc/sys/kernel/printk')),
    kvmMode: (await statOf('/dev/kvm'))?.mode,
    overcommit: await text('/proc/sys/vm/overcommit_memory'),
    ioUringDisabled: numberOf(await text('/proc/sys/kernel/io_uring_disabled')),
    openFiles: openFilesOf((await text('/proc/self/limits')) ?? ''),
    openFilesOfAll: numberOf(await text('/proc/sys/fs/file-max')),
    connections: numberOf(await text('/proc/sys/net/netfilter/nf_conntrack_max')),
    neighbours: numberOf(await text('/proc/sys/net/ipv4/neigh/default/gc_thresh3')),
    trusted: [...(await writableOnTheWay([home, ...programs])), ...mountFaults(mountinfo, home)],
  }
}

/** A short file without white space around it; undefined where it, or the right to read it, is missing. */
async function text(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EACCES') return undefined
    throw error
  }
}

async function statOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The first number of a text. */
function numberOf(words: string | undefined): number | undefined {
  const digits = /^-?\d+/.exec(words ?? '')?.[0]
  return digits === undefined ? undefined : Number(digits)
}

/** The hard limit: Node raises its soft one to it when it starts. Pure. */
export function openFilesOf(limits: string): number | undefined {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1]
  return hard === 'unlimited' ? Infinity : numberOf(hard)
}

async function vulnerabilities(folder: string): Promise<Readonly<Record<string, string>>> {
  try {
    const names = await readdir(folder)
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, (await text(join(folder, name))) ?? ''])),
    )
  } catch (error) {
    if (isMissing(error)) return {}
    throw error
  }
}

async function nested(): Promise<HostFindings['nested']> {
  for (const module of ['kvm_intel', 'kvm_amd'] as const) {
    const value = await text(`/sys/module/${module}/parameters/nested`)
    if (value !== undefined) return { module, on: value === 'Y' || value === '1' }
  }
  return undefined
}

async function swaps(): Promise<readonly Swap[]> {
  const names = swapsOf((await text('/proc/swaps')) ?? '')
  return Promise.all(
    names.map(async (name) => {
      const uuid = (await text(`/sys/class/block/${basename(name)}/dm/uuid`)) ?? ''
      const kind = /^\/dev\/zram\d+$/.test(name) ? 'memory' : uuid.startsWith('CRYPT-') ? 'encrypted' : 'plain'
      return { name, kind }
    }),
  )
}

/** Files and devices in the text of /proc/swaps, below its heading. Pure. */
export function swapsOf(table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => line.split(/\s/)[0] || [])
}

/** What of these paths, up to the root, somebody else than root may write to: what is in there would be anybody's. */
async function writableOnTheWay(paths: readonly string[]): Promise<Fault[]> {
  const faults: Fault[] = []
  for (const path of await everyStep(paths)) {
    const found = await statOf(path)
    if (!found) continue
    if (found.uid !== 0) faults.push({ path, what: 'owner' })
    const others = (found.gid === 0 ? 0o002 : 0o022) & found.mode
    // In a sticky folder, such as /tmp, nobody can rename what is another's.
    const isSticky = found.isDirectory() && (found.mode & 0o1000) !== 0
    if (others !== 0 && !isSticky) faults.push({ path, what: 'writable' })
  }
  return faults
}

/** Each path and all folders above it, and those of what a link leads to. */
async function everyStep(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const steps = new Set<string>()
  for (const path of paths) {
    for (let step of [path, await linked(path)]) {
      for (; !steps.has(step); step = dirname(step)) steps.add(step)
    }
  }
  return steps
}

/** Where a path leads; where nothing is there, to itself. */
async function linked(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (isMissing(error)) return path
    throw error
  }
}

/** What is wrong with the mount that holds the home, from the text of /proc/self/mountinfo. Pure. */
export function mountFaults(mountinfo: string, home: string): Fault[] {
  const mounts = mountinfo.split('\n').map((line) => line.split(' '))
  const holding = mounts.filter(([, , , , at = '']) => at === '/' || home === at || home.startsWith(`${at}/`))
  // The longest path is the nearest, and of equal ones the last is on top.
  const nearest = holding.reduce<string[]>((best, next) => ((next[4] ?? '').length >= (best[4] ?? '').length ? next : best), []) // prettier-ignore
  const [, , , , path = '/', options = ''] = nearest
  return (['nodev', 'noexec'] as const)
    .filter((word) => options.split(',').includes(word))
    .map((what) => ({ path, what }))
}

/**
 * How well a host is hardened for running strangers' programs, judged from what was found: the host's part of the
 * checklist in deploy/README.md, as rows of advice. Pure.
 */
import { unknown, type Advice, type State } from './advice.ts'
import type { Row } from './diagnosis.ts'
import { limits } from './hostlimits.ts'
import { trustAdvice, type Fault } from './trust.ts'

export interface Swap {
  readonly name: string
  /** `memory`: compressed in memory; it never reaches a disk. */
  readonly kind: 'plain' | 'encrypted' | 'memory'
}

/** What was read of the host; undefined where this kernel or this place (a container) does not say. */
export interface HostFindings {
  /** Most vms at once, as the settings have it. */
  readonly vms: number
  readonly smt: string | undefined
  readonly ksm: string | undefined
  readonly swaps: readonly Swap[]
  /** The kernel's own words on each weakness of the processor. */
  readonly vulnerabilities: Readonly<Record<string, string>>
  readonly vendor: string | undefined
  readonly microcode: string | undefined
  readonly nxHugePages: string | undefined
  readonly minTimerUs: number | undefined
  readonly nested: { readonly module: 'kvm_intel' | 'kvm_amd'; readonly on: boolean } | undefined
  /** cgroup v2 is mounted with favordynmods. */
  readonly favorsDynamicChanges: boolean
  /** Messages of the kernel below this level go to the console. */
  readonly consoleLevel: number | undefined
  readonly kvmMode: number | undefined
  readonly overcommit: string | undefined
  /** 0: anybody may use it; 1: a group; 2: nobody. */
  readonly ioUringDisabled: number | undefined
  /** Descriptors that one process may have. */
  readonly openFiles: number | undefined
  readonly openFilesOfAll: number | undefined
  /** Size of the table of connections; undefined before anything tracks one. */
  readonly connections: number | undefined
  /** Entries of the ARP table, for all network namespaces together. */
  readonly neighbours: number | undefined
  /** Of the home and of what is run from elsewhere, as the settings have it. */
  readonly trusted: readonly Fault[]
}

interface Versions {
  /** The kernel's release. */
  readonly kernel: string
  /** Undefined before set-up. */
  readonly firecracker: string | undefined
}

/** One row for each point. */
export function hardeningOf(f: HostFindings, versions: Versions): Row[] {
  const advice = {
    ...{ ...sharedCores(f), ...sharedMemory(f), ...kernelAdvice(f, versions), ...kvmAdvice(f), ...limits(f) },
    'trusted paths': trustAdvice(f.trusted),
  }
  // What may be well needs no mending.
  return Object.entries<Advice>(advice).map(([name, { mend, ...row }]) => ({
    ...{ name, need: 'advice', ...row },
    ...(!row.unknown && { mend }),
  }))
}

function sharedCores(f: HostFindings) {
  const weak = Object.entries(f.vulnerabilities).filter(([, words]) => /^Vulnerable|: *Vulnerable/i.test(words))
  const outdated = weak.filter(([, words]) => /no microcode/i.test(words)).map(([name]) => name)
  return {
    smt: {
      ...(f.smt === undefined ? unknown() : { ok: f.smt !== 'on', found: f.smt }),
      why: 'threads of one core spy on each other; nosmt on the kernel’s command line turns it off for good',
      mend: 'echo off > /sys/devices/system/cpu/smt/control',
    },
    vulnerabilities: {
      ...weaknesses(f.vulnerabilities, weak),
      why: 'a guest may read what is not its own; a newer kernel or firmware, and no mitigations=off',
      mend: 'apt-get update; apt-get full-upgrade -y',
    },
    microcode: {
      ...microcode(f, outdated),
      why: 'mitigations count on it; in a virtual machine the hypervisor’s host has to load it',
      mend: `apt-get install -y ${f.vendor === 'AuthenticAMD' ? 'amd64' : 'intel'}-microcode`,
    },
  } as const satisfies Record<string, Advice>
}

type Weakness = readonly [name: string, words: string]

const told = (weaknesses: readonly Weakness[]): string =>
  weaknesses.map(([name, words]) => `${name} (${words || 'no word'})`).join('; ')

function weaknesses(all: HostFindings['vulnerabilities'], weak: readonly Weakness[]): State {
  if (weak.length > 0) return { ok: false, found: told(weak) }
  // In a virtual machine some depend on its host, and the kernel says so.
  const open = Object.entries(all).filter(([, words]) => words === '' || /^Unknown/i.test(words))
  if (open.length > 0) return unknown(`not known here: ${told(open)}`)
  return Object.keys(all).length === 0 ? unknown() : { ok: true, found: 'none is open' }
}

/** Whether it is new enough only the kernel's list of weaknesses tells. */
function microcode({ microcode: version, vulnerabilities }: HostFindings, outdated: readonly string[]): State {
  if (outdated.length > 0) return { ok: false, found: `${version ?? 'it'} is too old for ${outdated.join(', ')}` }
  if (version === undefined) return unknown()
  const isJudged = Object.keys(vulnerabilities).length > 0
  return isJudged ? { ok: true, found: version } : unknown(`${version}; whether that is new is not known here`)
}

function sharedMemory(f: HostFindings) {
  const plain = f.swaps.filter(({ kind }) => kind === 'plain').map(({ name }) => name)
  return {
    ksm: {
      ok: f.ksm === undefined || f.ksm !== '1',
      found: f.ksm === undefined ? 'not in this kernel' : f.ksm === '1' ? 'on' : 'off',
      why: 'merged pages tell one guest what another has in memory',
      mend: 'echo 2 > /sys/kernel/mm/ksm/run',
    },
    swap: {
      ok: plain.length === 0,
      found: plain.length > 0 ? `plain: ${plain.join(', ')}` : f.swaps.map(({ name, kind }) => `${name} (${kind})`).join(', ') || 'off', // prettier-ignore
      why: 'guests’ memory would stay readable on the disk; take it out of /etc/fstab too, or encrypt it',
      mend: 'swapoff -a',
    },
    overcommit: {
      ...(f.overcommit === undefined ? unknown() : { ok: f.overcommit !== '1', found: `mode ${f.overcommit}` }),
      why: 'mode 1 promises memory that is not there, and then kills vms for it',
      mend: 'sysctl -w vm.overcommit_memory=0',
    },
  } as const satisfies Record<string, Advice>
}

/** Host kernels that Firecracker's own tests run on: 6.18 with 1.16.2 or newer, older ones set its processor up wrongly. */
function validated(firecracker = ''): readonly string[] {
  const [major = 0, minor = 0, patch = 0] = firecracker.split('.').map(Number)
  const recent = major > 1 || minor > 16 || (minor === 16 && patch >= 2)
  return ['5.10', '6.1', ...(recent ? ['6.18'] : [])]
}

function kernelAdvice(f: HostFindings, { kernel, firecracker }: Versions) {
  const tried = validated(firecracker)
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number)
  const level = f.consoleLevel
  // The mount option came with 6.0.
  const dynamic = f.favorsDynamicChanges || major < 6
  return {
    'host kernel': {
      ok: tried.includes(`${major}.${minor}`),
      found: kernel,
      why: `Firecracker ${firecracker ?? 'before 1.16.2'} is tried on ${tried.join(', ')} alone; others may well do`,
      mend: 'apt-get install -y linux-image-amd64',
    },
    'console log': {
      ...(level === undefined ? unknown() : { ok: level <= 1, found: `level ${level}` }),
      why: 'a slow console holds up starts; quiet loglevel=1 on the kernel’s command line for good',
      mend: 'dmesg -n 1',
    },
    io_uring: {
      ...ioUring(f.ioUringDisabled),
      why: 'no filter of system calls sees what goes through it; Firecracker does without',
      mend: 'sysctl -w kernel.io_uring_disabled=2',
    },
    'cgroup changes': {
      ok: dynamic,
      found: f.favorsDynamicChanges ? 'favordynmods' : major < 6 ? 'no option of this kernel' : 'slow',
      why: 'each start of a vm moves processes between cgroups; favordynmods makes that quick',
      mend: 'mount -o remount,favordynmods /sys/fs/cgroup',
    },
  } as const satisfies Record<string, Advice>
}

/** The switch came with 6.6: a kernel without it has io_uring for all, or was built without. */
function ioUring(disabled: number | undefined): State {
  if (disabled === undefined) return unknown('not known here: no switch in this kernel')
  return { ok: disabled === 2, found: ['open to all', 'open to a group'][disabled] ?? 'off' }
}

function kvmAdvice(f: HostFindings) {
  const mode = f.kvmMode === undefined ? undefined : (f.kvmMode & 0o777).toString(8).padStart(4, '0')
  const module = f.nested?.module ?? 'kvm_intel'
  return {
    'kvm device': {
      ok: ((f.kvmMode ?? 0) & 0o006) === 0,
      found: mode ?? 'not there',
      why: 'whoever opens /dev/kvm makes vms outside every jail',
      mend: 'chmod 0660 /dev/kvm',
    },
    'nested vms': {
      ok: !f.nested?.on,
      found: f.nested ? `${f.nested.on ? 'on' : 'off'} (${module})` : 'neither kvm_intel nor kvm_amd',
      why: 'no guest of ours needs vms of its own; it is code that guests could attack',
      mend: `modprobe -r ${module}; modprobe ${module} nested=0`,
    },
    'huge pages': hugePages(f),
    'kvm timer': {
      ok: f.minTimerUs === undefined || f.minTimerUs >= 500,
      found: f.minTimerUs === undefined ? 'no kvm module is loaded' : `${f.minTimerUs} µs`,
      why: 'a guest’s timers run in a kernel thread outside its cgroup; a longer shortest period bounds that',
      mend: 'echo 500 > /sys/module/kvm/parameters/min_timer_period_us',
    },
  } as const satisfies Record<string, Advice>
}

/** Executable huge pages: split where the processor has the multihit fault, whole where it has not. */
function hugePages({ nxHugePages: value, vulnerabilities }: HostFindings): Advice {
  const words = vulnerabilities['itlb_multihit']
  const affected = words === undefined || !words.startsWith('Not affected')
  const split = value !== undefined && ['Y', '1', 'force'].includes(value)
  const state = (): State => {
    if (value === undefined) return { ok: true, found: 'no kvm module is loaded' }
    if (words === undefined) return unknown(`nx_huge_pages ${value}; whether it is affected is not known here`)
    return { ok: split === affected, found: `nx_huge_pages ${value}, ${affected ? 'affected' : 'not affected'}` }
  }
  return {
    ...state(),
    why: affected ? 'a guest can halt this processor (itlb_multihit)' : 'splitting costs starts and buys nothing here',
    mend: `echo ${affected ? 'auto' : 'never'} > /sys/module/kvm/parameters/nx_huge_pages`,
  }
}

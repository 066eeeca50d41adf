/** What a host needs to run vms, judged from what was found: a pure function, so that every row has a test. */
import type { HostCheck } from '../api/doctor.ts'
import type { KvmState } from '../machine/kvm.ts'
import { oldestGo } from '../images/golang.ts'
import { besideMib } from '../machine/qemu.ts'
import { always, type Always } from './always.ts'
import { hardeningOf, type HostFindings } from './hardening.ts'

/** What was asked of the host. A text is a version or another finding; undefined is "not there". */
export interface Findings {
  readonly kvm: KvmState
  readonly root: boolean
  readonly architecture: string
  readonly kernel: string
  readonly system: string
  /** Content of cgroup.controllers; undefined where cgroup v2 is not mounted. */
  readonly controllers: readonly string[] | undefined
  readonly tun: boolean
  readonly nft: string | undefined
  readonly ip: string | undefined
  /** Chains of others, such as Docker's FORWARD, that drop packets on their way through this host. */
  readonly foreignDrops: readonly string[]
  readonly qemu: { readonly version: string; readonly enough: boolean } | undefined
  readonly go: string | undefined
  readonly npm: string | undefined
  readonly node: string
  readonly freeDiskMib: number
  readonly freeMemMib: number
  readonly home: string
  readonly machineMemMib: number
  readonly machineRuns: boolean
  /** Version of firecracker in the home; undefined before set-up. */
  readonly firecracker: string | undefined
  readonly guestKernel: string | undefined
  readonly machineParts: boolean
  readonly host: HostFindings
  /** Settings that cannot mean what they say. */
  readonly contradictions: readonly string[]
}

/** `host`: needed to run vms here; `machine`: to run them in the machine; `both`; `advice`: can go wrong, need not. */
export type Need = 'host' | 'machine' | 'both' | 'advice'

export interface Row extends About {
  readonly name: string
  readonly ok: boolean
  /** It could not be found out here, and `ok` is false. */
  readonly unknown?: true
  readonly found: string
}

interface About {
  readonly need: Need
  readonly why: string
  /** One command. */
  readonly mend?: string
}

export interface Diagnosis {
  readonly rows: readonly Row[]
  readonly place: 'host' | 'machine' | 'none'
  readonly always: readonly Always[]
}

const about = {
  architecture: { need: 'both', why: 'the pinned firecracker and kernels are for x86-64' },
  'cpu flags': {
    need: 'host',
    why: 'svm (AMD) or vmx (Intel) is what KVM needs: a switch in the firmware; in a virtual machine, nested virtualisation on its host',
    mend: 'modprobe -r kvm_intel; modprobe kvm_intel nested=1 # on the hypervisor',
  },
  '/dev/kvm': {
    need: 'host',
    why: 'Firecracker opens it for reading and writing',
    mend: 'modprobe -a kvm_amd kvm_intel',
  },
  KVM_CREATE_VM: { need: 'host', why: 'a device that opens may still be of no use', mend: 'dmesg | grep -i kvm' },
  'cgroup v2': {
    need: 'host',
    why: 'holds the memory, cpu, processes and disk of each vm; for good: systemd.unified_cgroup_hierarchy=1 on the kernel’s command line',
    mend: 'mount -t cgroup2 none /sys/fs/cgroup',
  },
  '/dev/net/tun': { need: 'host', why: 'a vm’s network card is a tap', mend: 'modprobe tun' },
  nftables: { need: 'host', why: 'network modes are rules of nftables', mend: 'apt-get install -y nftables' },
  iproute2: { need: 'host', why: 'bridges and network namespaces', mend: 'apt-get install -y iproute2' },
  forwarding: {
    need: 'advice',
    why: 'vms then reach nothing outside; Docker, for one, sets this policy',
    mend: 'iptables -I FORWARD -i vul+ -j ACCEPT; iptables -I FORWARD -o vul+ -j ACCEPT',
  },
  qemu: {
    need: 'machine',
    why: 'carries the machine on hosts without KVM; before 8.1 it hangs every few dozen vms',
    mend: 'vulcan setup',
  },
  'machine memory': {
    need: 'machine',
    why: 'the machine takes it for as long as it runs',
    mend: 'vulcan --set machine.mem_mb=2048 up',
  },
  'machine parts': { need: 'machine', why: 'kernel and root file system of the machine', mend: 'vulcan setup' },
  root: {
    need: 'both',
    why: 'the jailer, network namespaces and image builds need it',
    mend: 'sudo ./vulcan doctor',
  },
  system: { need: 'advice', why: 'Debian 12 and 13 are what Vulcan is tried on' },
  node: { need: 'both', why: 'what Vulcan runs on; the launcher installs it' },
  npm: { need: 'advice', why: 'installs the pinned Node and the packages', mend: 'apt-get install -y npm' },
  go: {
    need: 'both',
    why: `1.${oldestGo} or newer; builds the guest agent and the CNI plugins, once (Debian 12 has it in its backports)`,
    mend: 'apt-get install -y golang-go',
  },
  disk: { need: 'both', why: 'images take about 2 GiB, and each vm up to its disk_mb', mend: 'vulcan gc' },
  memory: { need: 'both', why: 'each vm takes its mem_mb and about 100 MiB more' },
  firecracker: { need: 'both', why: '1.12 or newer, with its jailer', mend: 'vulcan setup' },
  'guest kernel': { need: 'both', why: 'what vms boot', mend: 'vulcan setup' },
  settings: {
    need: 'advice',
    why: 'beside what else holds they cannot mean what they say',
    mend: 'vulcan config',
  },
} as const satisfies Record<string, About>

type State = Pick<Row, 'ok' | 'found'>

export function diagnose(f: Findings): Diagnosis {
  const states = { ...kvmStates(f), ...systemStates(f), ...machineStates(f), ...commonStates(f) }
  const names = Object.keys(about) as (keyof typeof about)[]
  const own: Row[] = names.map((name) => ({ name, ...states[name], ...about[name] }))
  const rows = [...own, ...hardeningOf(f.host, f)]
  const holds = (...needs: Need[]) => rows.every((row) => row.ok || !needs.includes(row.need))
  const place = holds('host', 'both') ? 'host' : holds('machine', 'both') ? 'machine' : 'none'
  return { rows, place, always }
}

/** What concerns a server that runs vms on the host itself. */
export function checksOf({ rows }: Diagnosis): HostCheck[] {
  return rows
    .filter(({ need }) => need !== 'machine')
    .map(({ need, ...row }) => ({ ...row, required: need !== 'advice' }))
}

/** The first of KVM's three conditions that fails is the one to mend; those behind it were not tried. */
function kvmStates({ kvm }: Findings) {
  const order = ['flags', 'open', 'createVm'] as const
  const failed = kvm.usable ? order.length : order.indexOf(kvm.failed)
  const state = (at: number): State => {
    if (at < failed) return { ok: true, found: 'yes' }
    return { ok: false, found: at === failed && !kvm.usable ? kvm.reason : 'not tried' }
  }
  return { 'cpu flags': state(0), '/dev/kvm': state(1), KVM_CREATE_VM: state(2) }
}

const wantedControllers = ['cpu', 'memory', 'pids', 'io']

function systemStates(f: Findings) {
  const missing = wantedControllers.filter((name) => !f.controllers?.includes(name))
  const which = missing.length > 0 ? `without ${missing.join(', ')}` : wantedControllers.join(', ')
  const drops = f.foreignDrops
  return {
    architecture: { ok: f.architecture === 'x64', found: f.architecture },
    'cgroup v2': {
      ok: f.controllers !== undefined && missing.length === 0,
      found: f.controllers ? which : 'not mounted',
    },
    '/dev/net/tun': { ok: f.tun, found: f.tun ? 'yes' : 'not found' },
    nftables: there(f.nft),
    iproute2: there(f.ip),
    forwarding: {
      ok: drops.length === 0,
      found: drops.length > 0 ? `dropped by ${drops.join(', ')}` : 'not dropped',
    },
  }
}

function machineStates(f: Findings) {
  const enough = f.machineRuns || f.freeMemMib >= f.machineMemMib + besideMib
  return {
    qemu: f.qemu
      ? { ok: f.qemu.enough, found: `${f.qemu.version}${f.qemu.enough ? '' : ', too old'}` }
      : there(undefined),
    'machine memory': {
      ok: enough,
      found: f.machineRuns
        ? 'the machine runs'
        : `${f.freeMemMib} MiB free, ${f.machineMemMib} and ${besideMib} wanted`,
    },
    'machine parts': { ok: f.machineParts, found: f.machineParts ? 'yes' : 'not made' },
  }
}

function commonStates(f: Findings) {
  return {
    root: { ok: f.root, found: f.root ? 'yes' : 'no' },
    system: { ok: true, found: `${f.system}, Linux ${f.kernel}` },
    node: there(f.node),
    npm: there(f.npm),
    go: goState(f),
    disk: { ok: f.freeDiskMib >= 2048, found: `${(f.freeDiskMib / 1024).toFixed(1)} GiB free at ${f.home}` },
    memory: { ok: f.freeMemMib >= 512 || f.machineRuns, found: `${f.freeMemMib} MiB free` },
    firecracker: there(f.firecracker),
    'guest kernel': there(f.guestKernel),
    settings: {
      ok: f.contradictions.length === 0,
      found: f.contradictions.join('; ') || 'none contradicts another',
    },
  }
}

/** What Go builds is there already when the assets are. */
function goState({ go, firecracker }: Findings): State {
  if (go === undefined) return { ok: firecracker !== undefined, found: 'not found' }
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(go) ?? []
  const old = Number(major) === 1 && Number(minor) < oldestGo
  return { ok: !old || firecracker !== undefined, found: old ? `${go}, too old` : go }
}

function there(version: string | undefined): State {
  return { ok: version !== undefined, found: version ?? 'not found' }
}

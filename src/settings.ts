/** The table of settings: type, default, bounds and one sentence each. */
import { isIP, isIPv4 } from 'node:net'
import { availableParallelism, homedir, hostname, totalmem } from 'node:os'
import { join } from 'node:path'

/** A setting's type and bounds. `read` takes what a file or a variable holds and throws words when it does not fit. */
interface Setting<T> {
  readonly doc: string
  readonly standard: T
  readonly read: (raw: unknown) => T
}

function number(standard: number, bounds: { min: number; max: number; whole?: boolean }, doc: string): Setting<number> {
  const read = (raw: unknown) => {
    const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
    if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error('is not a number')
    if ((bounds.whole ?? true) && !Number.isInteger(value)) throw new Error('is not a whole number')
    if (value < bounds.min || value > bounds.max) throw new Error(`is not between ${bounds.min} and ${bounds.max}`)
    return value
  }
  return { doc, standard, read }
}

/** What a text has to be like, and that in words. */
interface Fit {
  readonly pattern: { test(text: string): boolean }
  readonly words: string
}

function text(standard: string, fits: Fit, doc: string): Setting<string> {
  const read = (raw: unknown) => {
    if (typeof raw !== 'string') throw new Error('is not a text')
    if (!fits.pattern.test(raw)) throw new Error(`is not ${fits.words}`)
    return raw
  }
  return { doc, standard, read }
}

function choice<const T extends string>(standard: T, choices: readonly T[], doc: string): Setting<T> {
  const read = (raw: unknown) => {
    if (!choices.includes(raw as T)) throw new Error(`is not one of ${choices.join(', ')}`)
    return raw as T
  }
  return { doc, standard, read }
}

function flag(standard: boolean, doc: string): Setting<boolean> {
  const words = new Map<unknown, boolean>([
    [true, true],
    [false, false],
  ])
  for (const word of ['true', '1', 'yes', 'on']) words.set(word, true)
  for (const word of ['false', '0', 'no', 'off']) words.set(word, false)
  const read = (raw: unknown) => {
    const value = words.get(raw)
    if (value === undefined) throw new Error('is neither true nor false')
    return value
  }
  return { doc, standard, read }
}

function list(fits: Fit, doc: string): Setting<readonly string[]> {
  const read = (raw: unknown) => {
    const items: unknown[] = typeof raw === 'string' ? raw.split(',').map((item) => item.trim()) : [raw].flat()
    const kept = items.filter((item) => item !== '')
    for (const item of kept) {
      if (typeof item !== 'string' || !fits.pattern.test(item))
        throw new Error(`holds ${String(item)}, not ${fits.words}`)
    }
    return Object.freeze(kept as string[])
  }
  return { doc, standard: [], read }
}

const path = { pattern: /^\//, words: 'an absolute path' }
const pathOrEmpty = { pattern: /^(\/.*)?$/, words: 'an absolute path' }
/** As /proc/self/cgroup tells them. */
const cgroupPath = {
  pattern: /^\/([^/.][^/]*(\/[^/.][^/]*)*)?$/,
  words: 'a path below /sys/fs/cgroup that starts with /',
}
const address: Fit = { pattern: { test: (item) => isIP(item) !== 0 }, words: 'an IP address' }
/** Vms have no IPv6. */
const addressOfVms: Fit = { pattern: { test: isIPv4 }, words: 'an IPv4 address' }
const block: Fit = {
  pattern: { test: (item) => prefixOf(item.includes('/') ? item : `${item}/0`) !== undefined },
  words: 'an IP address or a CIDR block',
}
/** What is nobody's network: this host, loopback, multicast and beyond. */
const nobodys = /^(0|127|22[4-9]|2[345]\d)\./
const subnet: Fit = {
  pattern: {
    test(item) {
      const prefix = isIPv4(item.split('/')[0] ?? '') && !nobodys.test(item) ? (prefixOf(item) ?? 0) : 0
      // The gateway has an address of it, a vm another one.
      return item === 'auto' || (prefix >= 8 && prefix <= 30)
    },
  },
  words: 'auto or an IPv4 network from /8 to /30',
}

/** Length of a CIDR block's prefix; undefined where it is no block. */
function prefixOf(item: string): number | undefined {
  const [ip = '', bits = '', ...more] = item.split('/')
  const most = isIP(ip) === 4 ? 32 : 128
  const isBlock = isIP(ip) !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most && more.length === 0
  return isBlock ? Number(bits) : undefined
}

const hostMib = Math.floor(totalmem() / (1 << 20))
const forVmsMib = Math.max(512, Math.floor(hostMib * 0.75))
/** Where Vulcan keeps what it keeps, for this user. */
export const userHome = process.getuid?.() === 0 ? '/var/lib/vulcan' : join(homedir(), '.local/share/vulcan')

export const settings = {
  home: text(userHome, path, 'folder of everything Vulcan keeps'),
  instance: text(
    'vulcan',
    { pattern: /^[a-z0-9]{1,12}$/, words: '1 to 12 of a-z and 0-9' },
    'prefix of every name outside: taps, cgroups, network namespaces',
  ),
  node: text(
    hostname().toLowerCase(),
    { pattern: /^[A-Za-z0-9.-]{1,63}$/, words: 'a host name' },
    'name of this host in records',
  ),
  backend: choice('firecracker', ['firecracker', 'fake'], 'what runs workloads; fake runs nothing, for tests'),
  place: choice(
    'auto',
    ['auto', 'host', 'machine'],
    'where the server runs: on this host, or in the machine; auto asks KVM',
  ),
  cgroup: text(
    '/',
    cgroupPath,
    'where the cgroups of vms are made: at the root, or in a cgroup that a service manager delegates',
  ),
  templates: flag(true, 'vms go on from snapshots of ones that are up; without, each boots'),
  'pool.vms': number(
    availableParallelism(),
    { min: 0, max: 4096 },
    'most vms of one class that wait, ready, for a run; 0 for none',
  ),
  'pool.prefill': flag(
    true,
    'a vm of each runtime with default settings waits from the start of the server, once it has a template',
  ),
  'pool.mem_mb': number(
    Math.floor(totalmem() / 2 / (1 << 20)),
    { min: 0, max: 1_048_576 },
    'memory that all vms that wait may have together, in MiB; of that they take a fifth while they wait',
  ),
  'server.host': text('127.0.0.1', address, 'address the server listens on'),
  'server.port': number(7777, { min: 0, max: 65_535 }, 'TCP port of the server; 0 takes a free one'),
  'server.names': list(
    { pattern: /^[a-z0-9.-]{1,253}$/, words: 'a host name' },
    'more names the server answers to in the Host header',
  ),
  'server.key_sha256': text(
    '',
    { pattern: /^([0-9a-f]{64})?$/, words: 'a sha256 in hex' },
    'hash of the key; read from the key file when empty',
  ),
  'server.secret': text(
    '',
    { pattern: /^([0-9a-f]{64})?$/, words: '256 bits in hex' },
    'by which the server proves to the command line who it is; a new one at each start when empty',
  ),
  'server.failures_per_minute': number(
    30,
    { min: 1, max: 1_000_000 },
    'requests without a valid key that one address may send',
  ),
  'server.trusted_proxies': list(
    block,
    'proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or CIDR blocks',
  ),
  ready_fd: number(
    -1,
    { min: -1, max: 1024 },
    'file descriptor that READY=1 is written to when the server listens; -1 for none',
  ),
  'server.heartbeat_ms': number(15_000, { min: 10, max: 120_000 }, 'milliseconds between heartbeats of a log stream'),
  'limits.cpus': number(32, { min: 0.1, max: 32, whole: false }, 'most cores of one workload'),
  'limits.mem_mb': number(forVmsMib, { min: 32, max: 1_048_576 }, 'most memory of one workload, in MiB'),
  'limits.timeout_s': number(3600, { min: 1, max: 604_800 }, 'longest time a workload may ask for, in seconds'),
  'limits.disk_mb': number(10_240, { min: 16, max: 1_048_576 }, 'most disk of one workload, in MiB'),
  'limits.pids': number(4096, { min: 8, max: 32_768 }, 'most processes and threads of one workload'),
  'limits.output_mb': number(64, { min: 1, max: 4096 }, 'output after which a program is killed, in MiB'),
  'limits.body_mb': number(16, { min: 1, max: 512 }, 'largest JSON body, in MiB'),
  'limits.archive_mb': number(256, { min: 1, max: 4096 }, 'largest archive, in MiB'),
  'limits.pending': number(256, { min: 0, max: 100_000 }, 'most workloads that wait; more are turned away'),
  'concurrency.vms': number(Math.max(2, 2 * availableParallelism()), { min: 1, max: 4096 }, 'most vms at once'),
  'concurrency.starting': number(
    Math.max(2, availableParallelism()),
    { min: 1, max: 4096 },
    'most vms that start at once; a start is all processor time',
  ),
  'concurrency.cpus': number(
    4 * availableParallelism(),
    { min: 0.1, max: 65_536, whole: false },
    'cores that all vms together may ask for',
  ),
  'concurrency.mem_mb': number(forVmsMib, { min: 128, max: 16_777_216 }, 'memory for all vms together, in MiB'),
  'concurrency.disk_mb': number(
    0,
    { min: 0, max: 1_073_741_824 },
    'disk for all vms together, in MiB; 0 for what is free when the server starts, less 1024',
  ),
  'retention.count': number(500, { min: 0, max: 100_000 }, 'ended workloads that are kept'),
  'retention.days': number(30, { min: 0, max: 36_500, whole: false }, 'days that an ended workload is kept'),
  'retention.mb': number(
    1024,
    { min: 0, max: 1_048_576 },
    'output and requests of ended workloads that are kept, in MiB',
  ),
  'retention.requests': flag(true, 'what was asked for (code, archive, env, input) is kept with the record'),
  'audit.mb': number(16, { min: 1, max: 4096 }, 'size at which a new audit.log is begun, in MiB'),
  'audit.files': number(8, { min: 1, max: 1000 }, 'files of the audit log that are kept'),
  'network.subnet': text(
    'auto',
    subnet,
    'addresses of the vms; auto takes the first free one of 10.88.0.0/16 to 10.127.0.0/16',
  ),
  'network.nameservers': list(addressOfVms, 'name servers of the vms; the host’s own when empty'),
  firecracker: text('', pathOrEmpty, 'an own firecracker instead of the pinned one'),
  jailer: text('', pathOrEmpty, 'an own jailer instead of the pinned one'),
  kernel: text('', pathOrEmpty, 'an own guest kernel (ELF) instead of the pinned one'),
  'plugins.tap': text('', pathOrEmpty, 'an own tap plugin, such as tc-redirect-tap'),
  'machine.mem_mb': number(
    6144,
    { min: 1024, max: 1_048_576 },
    'memory of the machine, in MiB, beside what QEMU takes',
  ),
  'machine.cores': number(2, { min: 1, max: 64 }, 'cores of the machine'),
  'machine.disk_gb': number(16, { min: 4, max: 1024 }, 'disk of the machine, in GiB; it takes only what is used'),
  'machine.restrict': flag(false, 'cuts the machine off from the network; for tests'),
} as const satisfies Record<string, Setting<unknown>>

/** From a request that has the right shape to one that can run: bounds, defaults and rules between fields. Pure. */
import { isIP } from 'node:net'
import { InvalidBody, type FieldFault } from '../api/problem.ts'
import { usualResources } from '../api/resources.ts'
import { runtimeNamed, runtimes, type Runtime } from '../api/runtimes.ts'
import type { WorkloadRequest } from '../api/workload.ts'
import { VulcanError } from '../api/errors.ts'
import type { NetworkSpec, Resources, RunSpec } from '../backend/backend.ts'
import type { Usual } from '../backend/warm.ts'
import { fitFaults, variablePath } from './fits.ts'

/** The most that one workload may ask for. */
export interface Limits {
  readonly cpus: number
  readonly memMib: number
  readonly timeoutS: number
  readonly diskMib: number
  readonly pids: number
  readonly outputBytes: number
  readonly archiveBytes: number
}

/** An isolation mode's backends, as far as admission needs to know them. */
export interface Offer {
  readonly name: string
  readonly online: boolean
  readonly reason?: string
  readonly isolation: readonly string[]
}

export interface Admitted {
  readonly runtime: Runtime
  readonly isolation: string
  /** Everything of the run's spec but its id and its source. */
  readonly rest: Omit<RunSpec, 'id' | 'source' | 'entrypoint'>
}

/** Checks a request. Throws InvalidBody with every fault, backend_missing, or host_unfit. `uploaded`: an archive came by multipart. */
export function admit(
  request: WorkloadRequest,
  o: { limits: Limits; offers: readonly Offer[]; uploaded: boolean },
): Admitted {
  const runtime = runtimeNamed(request.runtime)
  const resources = resourcesOf(request, { runtime, limits: o.limits })
  const network = networkOf(request)
  const faults = [
    ...(runtime ? [] : [{ path: '/runtime', message: unknownRuntime(request.runtime) }]),
    ...sourceFaults(request, o.uploaded),
    ...boundFaults(resources, o.limits),
    ...envFaults(request.env ?? {}),
    ...fitFaults(request),
    ...allowFaults(network),
  ]
  if (faults.length > 0 || !runtime) throw new InvalidBody(faults)
  return {
    runtime,
    isolation: isolationOf(request.isolation ?? 'auto', o.offers),
    rest: {
      runtime: runtime.name,
      args: request.args ?? [],
      env: request.env ?? {},
      resources,
      network,
      outputLimitBytes: o.limits.outputBytes,
      ...(request.stdin === undefined ? {} : { stdin: Buffer.from(request.stdin) }),
      ...(request.input === undefined ? {} : { input: JSON.stringify(request.input) }),
    },
  }
}

const unknownRuntime = (name: string): string =>
  `${JSON.stringify(name)} is not a runtime; there are ${runtimes.map((runtime) => runtime.name).join(', ')}`

function sourceFaults(request: WorkloadRequest, uploaded: boolean): FieldFault[] {
  const given = [
    ...(request.code === undefined ? [] : ['/code']),
    ...(request.code_archive === undefined ? [] : ['/code_archive']),
    ...(uploaded ? ['/archive'] : []),
  ]
  if (given.length === 0)
    return [{ path: '/code', message: 'is missing: give code, code_archive or an uploaded archive' }]
  if (given.length > 1)
    return given.slice(1).map((path) => ({ path, message: `excludes ${given[0]}: give exactly one` }))
  return request.code === undefined ? [] : codeFaults(request.code, request.entrypoint)
}

function codeFaults(code: string, name: string | undefined): FieldFault[] {
  const faults: FieldFault[] = []
  if (code.trim() === '') faults.push({ path: '/code', message: 'is empty' })
  if (code.includes('\0')) faults.push({ path: '/code', message: 'is binary: it holds a NUL character' })
  if (name !== undefined && (/[/\\]/.test(name) || name === '.' || name === '..')) {
    faults.push({ path: '/entrypoint', message: 'with code is the name of one file, without folders' })
  }
  return faults
}

/** What runs of each runtime are like where their requests say nothing more. */
export function usualRuns(limits: Limits): Usual[] {
  return runtimes.map((runtime) => {
    const request = { runtime: runtime.name }
    return { ...request, resources: resourcesOf(request, { runtime, limits }), network: networkOf(request) }
  })
}

/** What is not named is the usual, or the limit where that is lower: nobody is refused for what he has not asked for. */
function resourcesOf(
  { resources = {} }: WorkloadRequest,
  { runtime, limits }: { runtime: Runtime | undefined; limits: Limits },
): Resources {
  return {
    cpus: resources.cpus ?? Math.min(usualResources.cpus, limits.cpus),
    memMib: resources.mem_mb ?? Math.min(runtime?.defaultMemMib ?? 256, limits.memMib),
    timeoutMs: Math.round((resources.timeout_s ?? Math.min(usualResources.timeout_s, limits.timeoutS)) * 1000),
    diskMib: resources.disk_mb ?? Math.min(usualResources.disk_mb, limits.diskMib),
    pids: resources.pids ?? Math.min(usualResources.pids, limits.pids),
  }
}

function boundFaults(resources: Resources, limits: Limits): FieldFault[] {
  const rows = [
    ['cpus', resources.cpus, limits.cpus],
    ['mem_mb', resources.memMib, limits.memMib],
    ['timeout_s', resources.timeoutMs / 1000, limits.timeoutS],
    ['disk_mb', resources.diskMib, limits.diskMib],
    ['pids', resources.pids, limits.pids],
  ] as const
  return rows
    .filter(([, value, most]) => value > most)
    .map(([name, value, most]) => ({
      path: `/resources/${name}`,
      message: `is ${value}; at most ${most} is allowed here (limits.${name})`,
    }))
}

function envFaults(env: Readonly<Record<string, string>>): FieldFault[] {
  return Object.keys(env)
    .filter((name) => name === '' || /[=\0]/.test(name))
    .map((name) => ({
      path: variablePath(name),
      message: 'is not a name of a variable: it is empty or holds = or NUL',
    }))
}

function networkOf({ network }: WorkloadRequest): NetworkSpec {
  if (typeof network === 'string') return { mode: network, allow: [] }
  return { mode: network?.mode ?? 'internet', allow: network?.allow ?? [] }
}

function allowFaults({ mode, allow }: NetworkSpec): FieldFault[] {
  if (allow.length > 0 && mode !== 'internet') {
    return [{ path: '/network/allow', message: `has no meaning with the mode ${mode}; it needs internet` }]
  }
  return allow.flatMap((entry, i) => {
    if (isAllowed(entry)) return []
    return [
      {
        path: `/network/allow/${i}`,
        message: `${JSON.stringify(entry)} is neither an IPv4 address, a CIDR block nor a host name (*.name for all below)`,
      },
    ]
  })
}

const hostName =
  /^(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i

function isAllowed(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  if (more.length > 0) return false
  if (bits !== undefined) return isIP(address) === 4 && /^\d{1,2}$/.test(bits) && Number(bits) <= 32
  // Digits and dots alone are an address that went wrong, never a name.
  return isIP(address) === 4 || (!/^(\*\.)?[\d.]+$/.test(entry) && hostName.test(entry))
}

function isolationOf(asked: string, offers: readonly Offer[]): string {
  const online = offers.filter((offer) => offer.online)
  const fitting = online.find((offer) => asked === 'auto' || offer.isolation.includes(asked))
  if (fitting) return asked === 'auto' ? (fitting.isolation[0] ?? 'auto') : asked
  const down = offers.filter((offer) => !offer.online && (asked === 'auto' || offer.isolation.includes(asked)))
  if (down.length > 0) {
    const why = down.map(({ name, reason = 'no reason given' }) => `${name} is not online: ${reason}`).join('; ')
    throw new VulcanError('host_unfit', `nothing can run here with the isolation ${asked} now: ${why}`, {
      hint: 'vulcan doctor says what this host lacks',
    })
  }
  const there = online.map((offer) => `${offer.name} (${offer.isolation.join(', ')})`).join(', ')
  throw new VulcanError('backend_missing', `no backend offers the isolation ${asked}; online: ${there || 'none'}`, {
    field: '/isolation',
  })
}

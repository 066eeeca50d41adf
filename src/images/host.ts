/** Packages of the host's own distribution that making assets and images needs. */
import { readdir } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import { lock } from '../base/lock.ts'
import { CommandFailed, run } from '../base/process.ts'
import type { ProgressStep } from '../base/progress.ts'
import { persist } from './persist.ts'
import type { Workplace } from './shelf.ts'

/** apt's own lock is waited for too: a fresh machine often runs its first upgrade in the background. */
const aptOptions = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0']
/** Held while this host's packages change. */
export const hostPackagesLock = 'vulcan-host-packages'
const installTimeoutMs = 900_000

/** A command line with variables added to the environment it inherits. */
export function withEnv(variables: Readonly<Record<string, string>>, argv: readonly string[]): [string, ...string[]] {
  return ['env', ...Object.entries(variables).map(([name, value]) => `${name}=${value}`), ...argv]
}

/**
 * A command line whose processes end with ours, however we end, and whose mounts are seen by nobody else and end with
 * them: so that a tree it leaves behind can be removed without a look at what is mounted in it.
 */
export function contained(argv: readonly string[]): [string, ...string[]] {
  const unshare = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  return withEnv({ LC_ALL: 'C.UTF-8' }, ['setpriv', '--pdeathsig', 'KILL', ...unshare, ...argv])
}

/** What set-up needs sooner or later. Whoever misses the first of it has all of it installed, in one go. */
const toolbox = ['mmdebstrap', 'e2fsprogs', 'xz-utils', 'debian-archive-keyring']

/** What running vms on a host needs of its distribution: nft and ip. The machine's image has them by its recipe. */
export const hostTools = ['nftables', 'iproute2']

/** Installs what is missing among these Debian packages by apt. Throws host_unfit when that cannot be done. */
export async function ensureHostPackages(at: Workplace, names: readonly string[]): Promise<void> {
  if ((await missingPackages(names)).length === 0) return
  await using _held = await lock(hostPackagesLock, { signal: at.signal })
  if ((await missingPackages(names)).length === 0) return
  const pip = (await hasPip(at)) ? [] : ['python3-pip']
  const missing = await missingPackages([...new Set([...toolbox, ...pip, ...names])])
  requireRoot(`installing ${missing.join(', ')}`)
  await at.progress.step(`installing host packages: ${missing.join(' ')}`, async (step) => {
    if (await listsAreMissing()) await aptGet(at, step, { args: ['update'] })
    await installPackages(at, step, missing)
  })
}

/** Makes `python3 -m pip` work: the user's own, else Debian's. */
export async function ensurePip(at: Workplace): Promise<void> {
  if (!(await hasPip(at))) await ensureHostPackages(at, ['python3-pip'])
}

async function hasPip(at: Workplace): Promise<boolean> {
  try {
    await run(['python3', '-m', 'pip', '--version'], { signal: at.signal, timeoutMs: 60_000 })
    return true
  } catch (error) {
    if (!(error instanceof CommandFailed) || error.why === 'aborted') throw error
    return false
  }
}

interface AptCommand {
  readonly args: readonly string[]
  /** Another configuration than the host's own. */
  readonly config?: string
}

/** Runs apt-get on the host without questions; a failure becomes host_unfit with its last words. */
export async function aptGet(at: Workplace, step: ProgressStep, { args, config }: AptCommand): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', ...(config && { APT_CONFIG: config }) }
  const onLine = (line: string) => step.update(line.slice(0, 70))
  try {
    const argv = withEnv(env, ['apt-get', ...aptOptions, ...args])
    // dpkg must not be killed half-way, or the host's packages need mending: an abort takes effect when it is done.
    await persist(at, () => run(argv, { timeoutMs: installTimeoutMs, onLine }), { pausesMs: [3000] })
    at.signal.throwIfAborted()
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause
    throw new VulcanError('host_unfit', `apt-get ${args.join(' ')} failed: ${cause.message}`, {
      step: 'host packages',
      hint: 'see that apt-get works on this host (network, mirror, other apt running), then run the command again',
      cause,
    })
  }
}

/** Throws host_unfit unless this process is root. */
export function requireRoot(what: string): void {
  if (process.getuid?.() === 0) return
  throw new VulcanError('host_unfit', `${what} needs root`, { step: 'host packages', hint: 'run it as root' })
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return []
  const query = await run(['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
    okCodes: [0, 1],
    timeoutMs: 30_000,
  }).catch((cause: unknown) => {
    throw new VulcanError('host_unfit', `this host is no Debian: ${String(cause)}`, { step: 'host packages', cause })
  })
  const installed = new Set(
    query.stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  )
  return names.filter((name) => !installed.has(name))
}

async function listsAreMissing(): Promise<boolean> {
  const files = await readdir('/var/lib/apt/lists')
  return !files.some((name) => /_Packages(\.|$)/.test(name))
}

/** Lists may name packages that the mirror no longer has: update and try once more. */
async function installPackages(at: Workplace, step: ProgressStep, names: readonly string[]): Promise<void> {
  const install = ['install', '-y', '--no-install-recommends', ...names]
  try {
    await aptGet(at, step, { args: install })
  } catch (error) {
    if (!(error instanceof VulcanError)) throw error
    await aptGet(at, step, { args: ['update'] })
    await aptGet(at, step, { args: install })
  }
}

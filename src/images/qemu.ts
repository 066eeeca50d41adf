/** QEMU for hosts without KVM: found, or installed from Debian. Older ones hang, so their version is asked. */
import { VulcanError } from '../api/errors.ts'
import { lock } from '../base/lock.ts'
import { CommandFailed, run } from '../base/process.ts'
import { openArchive, osRelease } from './debian.ts'
import { aptGet, ensureHostPackages, hostPackagesLock, requireRoot } from './host.ts'
import type { Workplace } from './shelf.ts'
import { pins } from './pins.ts'

export interface Qemu {
  /** Path, or the name to look up on PATH. */
  readonly command: string
  readonly version: string
}

const onPath = 'qemu-system-x86_64'
const whyNewer =
  'below 8.1 its emulation of SVM with several threads hangs every few dozen starts (a cpu keeps a stale translation of patched kernel code)'

/** The version in the output of `qemu-system-x86_64 --version`. */
export function parseQemuVersion(output: string): string | undefined {
  return /QEMU emulator version (\d+\.\d+(?:\.\d+)?)/.exec(output)?.[1]
}

/** True when that version can carry the machine. */
export function isNewEnough(version: string, minimum: string = pins.qemu.minimum): boolean {
  const [have, want] = [version, minimum].map((text) => text.split('.').map(Number))
  const [major = 0, minor = 0] = have ?? []
  const [wantMajor = 0, wantMinor = 0] = want ?? []
  return major > wantMajor || (major === wantMajor && minor >= wantMinor)
}

/** The QEMU that is there. Throws host_unfit when there is none or it is too old. */
export async function locateQemu(command: string = onPath): Promise<Qemu> {
  const version = await askVersion(command)
  if (version !== undefined && isNewEnough(version)) return { command, version }
  const what = version === undefined ? `${command} was not found` : `${command} is version ${version}`
  throw new VulcanError('host_unfit', `${what}; QEMU ${pins.qemu.minimum} or newer is needed: ${whyNewer}`, {
    step: 'qemu',
    hint: version === undefined ? 'run: vulcan setup' : await upgradeHint(),
  })
}

/**
 * The QEMU that is there, else Debian's, installed: from backports where the release's own is too old, without a change
 * to the host's apt configuration. One that is there and too old is refused: upgrading it is the operator's decision.
 */
export async function ensureQemu(at: Workplace, command: string = onPath): Promise<Qemu> {
  if (command === onPath && (await askVersion(command)) === undefined) await installQemu(at)
  return locateQemu(command)
}

async function installQemu(at: Workplace): Promise<void> {
  const codename = (await osRelease()).VERSION_CODENAME ?? ''
  const backports = backportsOf(codename)
  if (backports === undefined) return ensureHostPackages(at, [pins.qemu.package])
  requireRoot('installing QEMU')
  const archive = await openArchive(at, { suites: [codename, `${codename}-updates`, backports], forHost: true })
  await using _held = await lock(hostPackagesLock, { signal: at.signal })
  await at.progress.step(`installing QEMU from ${backports}`, (step) =>
    aptGet(at, step, {
      args: ['install', '-y', '--no-install-recommends', '-t', backports, pins.qemu.package],
      config: archive.config,
    }),
  )
}

async function askVersion(command: string): Promise<string | undefined> {
  try {
    return parseQemuVersion((await run([command, '--version'], { timeoutMs: 20_000 })).stdout)
  } catch (error) {
    if (error instanceof CommandFailed && error.why === 'spawn') return undefined
    throw new VulcanError('host_unfit', `${command} --version does not work: ${String(error)}`, {
      step: 'qemu',
      cause: error,
    })
  }
}

async function upgradeHint(): Promise<string> {
  const backports = backportsOf((await osRelease()).VERSION_CODENAME ?? '')
  return backports === undefined
    ? `apt-get install ${pins.qemu.package} from a newer release, or remove it`
    : `apt-get remove ${pins.qemu.package}, then vulcan setup takes it from ${backports}`
}

function backportsOf(codename: string): string | undefined {
  return pins.qemu.suites[codename]
}

/** Asks this host what doctor wants to know. Each question has its own deadline; none changes anything of the host. */
import { freemem, release } from 'node:os'
import { dirname } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { exists, freeMib, textIn } from '../base/files.ts'
import { CommandFailed, run } from '../base/process.ts'
import { ensureProgram, locateAssets, locateProgram } from '../images/assets.ts'
import { locateMachineAssets } from '../images/machine.ts'
import { locateQemu } from '../images/qemu.ts'
import { kvmState } from '../machine/kvm.ts'
import { machineStatus } from '../machine/machine.ts'
import type { Context } from './context.ts'
import { contradictionsIn } from './contradictions.ts'
import type { Findings } from './diagnosis.ts'
import { hostFindings } from './hostfindings.ts'
import { workplaceOf } from './prepare.ts'

const commandMs = 10_000

/** `build`: makes the program that tries KVM where it is missing; without, that try is left out. */
export async function findings(context: Context, { build = true } = {}): Promise<Findings> {
  const { config, loaded, root } = context
  const { home, instance, 'machine.mem_mb': machineMemMib, 'concurrency.vms': vms } = config
  const own = [config.firecracker, config.jailer, config.kernel, config['plugins.tap']].filter((path) => path !== '')
  const assets = await found(locateAssets(home))
  return {
    home,
    machineMemMib,
    // Without Go the program cannot be made: that has a row of its own.
    kvm: await kvmState(() =>
      build ? found(ensureProgram(workplaceOf(context), 'machine')) : locateProgram(home, 'machine'),
    ),
    controllers: await cgroupControllers(),
    tun: await exists('/dev/net/tun'),
    nft: await versionOf(['nft', '--version']),
    ip: await versionOf(['ip', '-V']),
    foreignDrops: await context.foreignDrops({ instance }),
    qemu: await qemuFound(),
    go: await versionOf(['go', 'version']),
    npm: await versionOf(['npm', '--version']),
    system: await systemName(),
    root: process.getuid?.() === 0,
    architecture: process.arch,
    kernel: release(),
    node: process.version,
    freeDiskMib: await freeDisk(home),
    freeMemMib: Math.floor(freemem() / (1 << 20)),
    machineRuns: (await machineStatus({ home })).running,
    firecracker: assets?.firecrackerVersion,
    guestKernel: assets?.kernelVersion,
    host: await hostFindings({ home, vms, programs: [root, ...own] }),
    contradictions: contradictionsIn(loaded),
    machineParts: (await found(locateMachineAssets(home))) !== undefined,
  }
}

async function versionOf(argv: readonly [string, ...string[]]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(argv, { timeoutMs: commandMs })
    return (stdout || stderr).trim().split('\n')[0]
  } catch (error) {
    if (error instanceof CommandFailed) return undefined
    throw error
  }
}

async function cgroupControllers(): Promise<readonly string[] | undefined> {
  return (await textIn('/sys/fs/cgroup/cgroup.controllers'))?.trim().split(' ')
}

async function qemuFound(): Promise<Findings['qemu']> {
  const version = await versionOf(['qemu-system-x86_64', '--version'])
  if (version === undefined) return undefined
  const fit = await found(locateQemu())
  return { version: fit?.version ?? version, enough: fit !== undefined }
}

/** What is not there is a finding, not a failure. */
async function found<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking
  } catch (error) {
    if (error instanceof VulcanError) return undefined
    throw error
  }
}

async function systemName(): Promise<string> {
  const text = await textIn('/etc/os-release')
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(text ?? '')?.[1] ?? 'Linux'
}

/** Of the file system that the home is or will be on. */
async function freeDisk(home: string): Promise<number> {
  let folder = home
  while (folder !== '/' && !(await exists(folder))) folder = dirname(folder)
  return freeMib(folder)
}

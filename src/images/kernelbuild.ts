/** A guest kernel of our own: Debian's kernel source with images/kernel.config, everything a guest needs built in. */
import { readFile, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { sha256 } from '../base/files.ts'
import { CommandFailed, run } from '../base/process.ts'
import type { ProgressStep } from '../base/progress.ts'
import { newestVersion, openArchive, unpackPackage } from './debian.ts'
import { ensureHostPackages, withEnv } from './host.ts'
import { pins } from './pins.ts'
import { currentEntry, ensureEntry, type Entry, forget, type Workplace } from './shelf.ts'

const buildTools = ['gcc', 'make', 'flex', 'bison', 'bc', 'libelf-dev', 'libc6-dev', 'perl', 'xz-utils', 'tar']
const buildTimeoutMs = 3600_000

/** Builds the kernel (minutes) unless it is there, and makes it the guests' kernel from now on. */
export async function buildKernel(at: Workplace): Promise<Entry> {
  const config = await readFile(join(at.root, 'images/kernel.config'), 'utf8')
  const archive = await openArchive(at, { suites: [pins.kernelSource.suite] })
  const version = await newestVersion(at, archive, pins.kernelSource.package)
  const inputs = sha256(JSON.stringify([pins.kernelSource, version, config]))
  return ensureEntry(at, {
    shelf: 'assets',
    name: 'kernel',
    key: `built-${version.replaceAll(/[^\w.+-]/g, '_')}-${inputs.slice(0, 12)}`,
    inputs,
    title: `building the guest kernel from ${pins.kernelSource.package} ${version}`,
    make: async (dir, step) => {
      await ensureHostPackages(at, buildTools)
      const work = join(dir, '.source')
      step.update('unpacking')
      await unpackPackage(at, archive, { name: pins.kernelSource.package, dir: work })
      const files = { work, config: join(at.root, 'images/kernel.config'), vmlinux: join(dir, 'vmlinux') }
      const release = await compile(at, step, files)
      await rm(work, { recursive: true })
      return { origin: 'built', version: release, package: pins.kernelSource.package, packageVersion: version }
    },
  })
}

/** Goes back to Debian's kernel: the next ensureAssets takes it. */
export async function useDebianKernel(at: Workplace): Promise<void> {
  const shelf = join(at.home, 'assets')
  const inUse = await currentEntry(shelf, 'kernel')
  if (inUse?.marker.details['origin'] === 'built') await forget(shelf, 'kernel')
}

/** Settings of `wanted` (a kernel.config) that a kernel's `.config` does not have, as `NAME=value`. Pure. */
export function missingSettings(wanted: string, config: string): string[] {
  const have = new Map(settingsOf(config))
  return settingsOf(wanted).flatMap(([name, value]) => ((have.get(name) ?? 'n') === value ? [] : [`${name}=${value}`]))
}

function settingsOf(config: string): [string, string][] {
  return config.split('\n').flatMap((line): [string, string][] => {
    const [, name, value] = /^(CONFIG_\w+)=(.*)$/.exec(line.trim()) ?? []
    return name === undefined || value === undefined ? [] : [[name, value]]
  })
}

/** Compiles vmlinux at the lowest priority, so that the computer stays of use; returns the kernel's release. */
async function compile(
  at: Workplace,
  step: ProgressStep,
  files: { work: string; config: string; vmlinux: string },
): Promise<string> {
  const { work, config, vmlinux } = files
  const tarball = join(work, `usr/src/${pins.kernelSource.package}.tar.xz`)
  await command(at, ['tar', '--extract', '--file', tarball, '--directory', work])
  const tree = join(work, pins.kernelSource.package)
  const make = ['setpriv', '--pdeathsig', 'KILL', 'nice', '-n', '19', 'make', '-C', tree, `-j${availableParallelism()}`]
  // Names and times of this host would make every build another file.
  const reproducible = {
    KBUILD_BUILD_TIMESTAMP: '1970-01-01',
    KBUILD_BUILD_USER: 'vulcan',
    KBUILD_BUILD_HOST: 'vulcan',
  }
  step.update('configuring')
  await command(at, withEnv({ KCONFIG_ALLCONFIG: config }, [...make, 'allnoconfig']))
  const missing = missingSettings(await readFile(config, 'utf8'), await readFile(join(tree, '.config'), 'utf8'))
  if (missing.length > 0) {
    throw new VulcanError('asset_unavailable', `this kernel does not take ${missing.join(', ')}`, {
      step: 'kernel.config',
    })
  }
  let compiled = 0
  await command(at, withEnv(reproducible, [...make, 'vmlinux']), (line) => {
    if (/^\s+(CC|AS|AR|LD)\s/.test(line)) step.update(`${++compiled} steps: ${line.trim().slice(0, 50)}`)
  })
  await rename(join(tree, 'vmlinux'), vmlinux)
  return (await command(at, [...make, '-s', '--no-print-directory', 'kernelrelease'])).trim()
}

async function command(at: Workplace, argv: readonly string[], onLine?: (line: string) => void): Promise<string> {
  try {
    const options = { signal: at.signal, timeoutMs: buildTimeoutMs, ...(onLine && { onLine }) }
    return (await run(argv as [string, ...string[]], options)).stdout
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('asset_unavailable', `building the kernel failed: ${cause.message}`, {
      step: 'kernel',
      cause,
    })
  }
}

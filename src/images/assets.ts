/** What every vm needs, made from pinned sources where it is missing, and found again without them. */
import { chmod, copyFile, link } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { sha256, sha256File } from '../base/files.ts'
import { together } from '../base/together.ts'
import { fetchPinned } from './download.ts'
import { checkVersion } from './firecracker.ts'
import { buildOthers, buildOwn, modulesDigest, type OwnProgram, ownPrograms, sourcesDigest } from './golang.ts'
import type { Assets } from './images.ts'
import { ensureInitramfs } from './initramfs.ts'
import { ensureGuestKernel } from './kernels.ts'
import { currentEntry, ensureEntry, type Entry, currentFolders, type Workplace } from './shelf.ts'
import { pins } from './pins.ts'

/** The operator's own files instead of the pinned ones, as absolute paths. */
export interface Overrides {
  readonly firecracker?: string
  readonly jailer?: string
  /** ELF with everything a guest needs built in. */
  readonly kernel?: string
  /** A CNI plugin that does what tc-redirect-tap does. */
  readonly tap?: string
}

export interface AssetsOptions extends Workplace {
  readonly overrides?: Overrides
}

/** Makes whatever is missing, side by side, and says where everything is. A second call costs milliseconds. */
export async function ensureAssets(options: AssetsOptions): Promise<Assets> {
  const overrides = options.overrides ?? {}
  await together(
    options.signal,
    (signal) => ensureFirecracker({ ...options, signal }, overrides),
    (signal) => ensureBoot({ ...options, signal }, overrides),
    (signal) => ensureCni({ ...options, signal }, overrides),
    (signal) => ensureProgram({ ...options, signal }, 'spawner'),
  )
  return locateAssets(options.home)
}

/** What every vm is started with, and by. */
const ofVms = ['firecracker', 'kernel', 'initramfs', 'cni', ownPrograms.spawner] as const

/** The folders of what vms are started with, and by, now; an asset that is not there has none. */
export async function inUse(home: string): Promise<readonly (string | undefined)[]> {
  const current = await currentFolders(join(home, 'assets'))
  return ofVms.map((name) => current[name])
}

/** Where everything is; nothing is made or written. Throws asset_unavailable when something is missing. */
export async function locateAssets(home: string): Promise<Assets> {
  const found = await Promise.all(ofVms.map((name) => locateAsset(home, name)))
  const [firecracker, kernel, initramfs, cni, spawner] = found
  if (!firecracker || !kernel || !initramfs || !cni || !spawner) throw new Error('unreachable')
  return {
    firecracker: join(firecracker.dir, 'firecracker'),
    firecrackerVersion: String(firecracker.marker.details['version']),
    jailer: join(firecracker.dir, 'jailer'),
    kernel: join(kernel.dir, 'vmlinux'),
    kernelVersion: String(kernel.marker.details['version']),
    initramfs: join(initramfs.dir, 'initramfs'),
    cniPlugins: cni.dir,
    tapPlugin: String(cni.marker.details['tapPlugin']),
    spawner: join(spawner.dir, ownPrograms.spawner),
  }
}

/** The entry of one asset. Throws asset_unavailable when there is none. */
export async function locateAsset(home: string, name: string): Promise<Entry> {
  const entry = await currentEntry(join(home, 'assets'), name)
  if (entry) return entry
  throw new VulcanError('asset_unavailable', `${name} is not in ${join(home, 'assets')}, or not whole`, {
    step: 'locate',
    hint: 'run: vulcan setup',
  })
}

/** One of our own programs, built from native/ when its sources changed. Returns the binary's path. */
export async function ensureProgram(at: Workplace, program: OwnProgram): Promise<string> {
  const name = ownPrograms[program]
  const inputs = await sourcesDigest(at.root)
  const entry = await ensureEntry(at, {
    shelf: 'assets',
    name,
    key: inputs.slice(0, 12),
    inputs,
    title: `building ${name}`,
    make: async (dir) => {
      await buildOwn(at, program, dir)
      return {}
    },
  })
  return join(entry.dir, name)
}

/** The one that was made last, if any. */
export async function locateProgram(home: string, program: OwnProgram): Promise<string | undefined> {
  const name = ownPrograms[program]
  const entry = await currentEntry(join(home, 'assets'), name)
  return entry && join(entry.dir, name)
}

async function ensureFirecracker(at: Workplace, overrides: Overrides): Promise<Entry> {
  const own = { firecracker: overrides.firecracker, jailer: overrides.jailer }
  const digests = { firecracker: await digestOf(own.firecracker), jailer: await digestOf(own.jailer) }
  const inputs = sha256(JSON.stringify([pins.downloads.firecracker, digests]))
  const version =
    own.firecracker === undefined ? pins.downloads.firecracker.version : await checkVersion(own.firecracker)
  if (own.jailer !== undefined) await checkVersion(own.jailer)
  return ensureEntry(at, {
    shelf: 'assets',
    name: 'firecracker',
    key: `${version}-${inputs.slice(0, 12)}`,
    inputs,
    title: `fetching firecracker and jailer ${version}`,
    make: async (dir) => {
      const source = own.firecracker && own.jailer ? 'operator' : await fetchPinned(at, pins.downloads.firecracker, dir)
      for (const [name, path] of Object.entries(own)) if (path !== undefined) await install(path, join(dir, name))
      return { version: await checkVersion(join(dir, 'firecracker')), source, own }
    },
  })
}

async function ensureBoot(at: Workplace, overrides: Overrides): Promise<void> {
  const [kernel, init] = await together(
    at.signal,
    (signal) => ensureGuestKernel({ ...at, signal }, overrides.kernel),
    (signal) => ensureProgram({ ...at, signal }, 'guest'),
  )
  await ensureInitramfs(at, { name: 'initramfs', kernel, init })
}

async function ensureCni(at: Workplace, overrides: Overrides): Promise<Entry> {
  const [plugins, ours] = await together(
    at.signal,
    (signal) => ensurePlugins({ ...at, signal }),
    (signal) => ensureProgram({ ...at, signal }, 'tap'),
  )
  const tap = overrides.tap ?? ours
  const inputs = sha256(JSON.stringify([plugins.marker.inputs, basename(tap), await sha256File(tap)]))
  return ensureEntry(at, {
    shelf: 'assets',
    name: 'cni',
    key: `${pins.cni.version}-${inputs.slice(0, 12)}`,
    inputs,
    title: `gathering the CNI plugins with ${basename(tap)}`,
    make: async (dir) => {
      for (const file of Object.keys(plugins.marker.files)) await link(join(plugins.dir, file), join(dir, file))
      await install(tap, join(dir, basename(tap)))
      return { tapPlugin: basename(tap), version: pins.cni.version }
    },
  })
}

async function ensurePlugins(at: Workplace): Promise<Entry> {
  const { version, module, packages } = pins.cni
  const inputs = sha256(JSON.stringify([pins.cni, await modulesDigest(at.root)]))
  return ensureEntry(at, {
    shelf: 'assets',
    name: 'cni-plugins',
    key: `${version}-${inputs.slice(0, 12)}`,
    inputs,
    title: `building the CNI plugins ${version}`,
    make: async (dir) => {
      await buildOthers(
        at,
        packages.map((path) => `${module}/${path}`),
        dir,
      )
      return { version }
    },
  })
}

async function install(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  await chmod(to, 0o755)
}

async function digestOf(path: string | undefined): Promise<string | null> {
  if (path === undefined) return null
  try {
    return await sha256File(path)
  } catch (cause) {
    throw new VulcanError('asset_refused', `${path} cannot be read: ${String(cause)}`, { step: 'override', cause })
  }
}

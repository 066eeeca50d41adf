/** The kernels of the guests and of the machine, as entries. */
import { copyFile, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { sha256, sha256File } from '../base/files.ts'
import { dependencyOf, newestVersion, openArchive, unpackPackage } from './debian.ts'
import { ensureHostPackages } from './host.ts'
import { collectModules, extractVmlinux } from './kernel.ts'
import { currentEntry, ensureEntry, type Entry, type Workplace } from './shelf.ts'
import { type KernelPin, pins } from './pins.ts'

/** Changed when an entry is made differently from the same package. */
const builderVersion = 2

/**
 * The kernel of the guests: the operator's own, else the one that is in use (Debian's, or one that was built), else
 * Debian's. The entry holds `vmlinux` and, where it has any, `modules/`.
 */
export async function ensureGuestKernel(at: Workplace, own?: string): Promise<Entry> {
  if (own !== undefined) return ownKernel(at, own)
  const inUse = await currentEntry(join(at.home, 'assets'), 'kernel')
  if (inUse?.marker.details['origin'] === 'built') return inUse
  return debianKernel(at, { name: 'kernel', title: 'fetching the guest kernel', pin: pins.kernels.guest })
}

/** The kernel of the machine: `vmlinuz`, `vmlinux` and `modules/`. */
export function ensureMachineKernel(at: Workplace): Promise<Entry> {
  return debianKernel(at, { name: 'machine-kernel', title: 'fetching the machine kernel', pin: pins.kernels.machine })
}

/** The kernel that is there stays in use until it or the list of modules changes; then Debian's newest is taken. */
async function debianKernel(at: Workplace, want: { name: string; title: string; pin: KernelPin }): Promise<Entry> {
  const inputs = sha256(JSON.stringify([want.pin, builderVersion]))
  const inUse = await currentEntry(join(at.home, 'assets'), want.name, inputs)
  if (inUse) return inUse
  await ensureHostPackages(at, ['xz-utils'])
  const archive = await openArchive(at, { suites: [want.pin.suite] })
  const packageName = await dependencyOf(at, archive, want.pin.package)
  const version = await newestVersion(at, archive, packageName)
  return ensureEntry(at, {
    shelf: 'assets',
    name: want.name,
    key: `${version.replaceAll(/[^\w.+-]/g, '_')}-${inputs.slice(0, 12)}`,
    inputs,
    title: `${want.title} (${packageName})`,
    make: async (dir) => {
      const tree = join(dir, '.package')
      await unpackPackage(at, archive, { name: packageName, dir: tree })
      const release = await takeKernel(tree, dir)
      const modules = await collectModules(
        join(tree, 'usr/lib/modules', release),
        want.pin.modules,
        join(dir, 'modules'),
      )
      await rm(tree, { recursive: true })
      return { origin: 'debian', version: release, package: packageName, packageVersion: version, modules }
    },
  })
}

/** Moves the kernel out of an unpacked package; returns its release. */
async function takeKernel(tree: string, dir: string): Promise<string> {
  const image = (await readdir(join(tree, 'boot'))).find((name) => name.startsWith('vmlinuz-'))
  if (image === undefined) throw new VulcanError('asset_corrupt', 'the kernel package holds no vmlinuz')
  await rename(join(tree, 'boot', image), join(dir, 'vmlinuz'))
  await writeFile(join(dir, 'vmlinux'), await extractVmlinux(await readFile(join(dir, 'vmlinuz'))))
  return image.slice('vmlinuz-'.length)
}

async function ownKernel(at: Workplace, path: string): Promise<Entry> {
  await requireElf(path)
  const inputs = await sha256File(path)
  return ensureEntry(at, {
    shelf: 'assets',
    name: 'kernel',
    key: `own-${inputs.slice(0, 12)}`,
    inputs,
    title: `taking the kernel ${path}`,
    make: async (dir) => {
      await copyFile(path, join(dir, 'vmlinux'))
      return { origin: 'own', version: `own ${inputs.slice(0, 12)}`, path }
    },
  })
}

async function requireElf(path: string): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    new VulcanError('asset_refused', `the kernel ${path} ${why}`, { step: 'kernel', cause })
  await using file = await open(path).catch((cause: unknown) => {
    throw refuse(`cannot be read: ${String(cause)}`, cause)
  })
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
  if (buffer.toString('latin1') !== '\u007fELF') throw refuse('is no ELF file (Vulcan boots an uncompressed vmlinux)')
}

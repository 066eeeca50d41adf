/** The tree of a root file system: Debian by mmdebstrap, then what the recipe adds and takes away. */
import { chmod, chown, cp, lchown, lutimes, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { CommandFailed, run } from '../base/process.ts'
import type { ProgressStep } from '../base/progress.ts'
import { type Archive, openArchive } from './debian.ts'
import { fetchNpmTree, fetchPinned } from './download.ts'
import { contained, ensureHostPackages, requireRoot } from './host.ts'
import { persist } from './persist.ts'
import type { Recipe } from './recipe.ts'
import type { Workplace } from './shelf.ts'
import { walk } from './walk.ts'
import { pins } from './pins.ts'

/** Uid and gid of the user that programs run as, in every image. */
export const userId = 1000
const home = '/home/vulcan'

const bootstrapTimeoutMs = 900_000
const warmTimeoutMs = 900_000
/** Before 2038, since older mkfs.ext4 writes times as 31 bits. */
const farFuture = new Date('2037-01-01T00:00:00Z')

/** dpkg leaves these out of what it unpacks, and does not wait for the disk: a broken tree is thrown away anyway. */
const dpkgConfig = ['doc', 'man', 'info', 'locale', 'lintian', 'bash-completion']
  .map((folder) => `path-exclude=/usr/share/${folder}/*\n`)
  .join('')
  .concat('force-unsafe-io\n')

/** What is of no use in an image, or differs from one build to the next. */
const leftovers = [
  '/var/lib/apt',
  '/var/cache/apt',
  '/var/cache/debconf',
  '/var/log',
  '/etc/apt',
  '/etc/dpkg/dpkg.cfg.d',
  ...['doc', 'man', 'info', 'locale', 'lintian', 'bash-completion'].map((folder) => `/usr/share/${folder}`),
]

/** Makes the tree of a recipe at `tree`, which must not exist. Throws image_build_failed with the step that failed. */
export async function buildTree(
  at: Workplace,
  recipe: Recipe,
  place: { tree: string; step: ProgressStep },
): Promise<void> {
  const { tree, step } = place
  requireRoot('building a root file system')
  await ensureHostPackages(at, ['mmdebstrap', 'e2fsprogs', 'xz-utils', 'debian-archive-keyring'])
  const archive = await openArchive(at, { suites: [recipe.suite] })
  await bootstrap(at, { archive, recipe, ...place })
  for (const path of leftovers) await rm(join(tree, path), { recursive: true, force: true })
  step.update('files')
  await addAssets(at, recipe, tree)
  await addFiles(recipe, tree)
  if (recipe.warm) {
    step.update(recipe.warm.run.join(' '))
    await warm(at, recipe, tree)
  }
  // Whoever mounts the image brings a devtmpfs; mmdebstrap's device files are for the scripts of packages.
  for (const name of await readdir(join(tree, 'dev'))) await rm(join(tree, 'dev', name), { recursive: true })
}

interface Bootstrap {
  readonly archive: Archive
  readonly recipe: Recipe
  readonly tree: string
  readonly step: ProgressStep
}

/** Debian's packages in a new tree. */
async function bootstrap(at: Workplace, { archive, recipe, tree, step }: Bootstrap): Promise<void> {
  await naming('mmdebstrap', () => persist(at, () => fillTree(at, { archive, recipe, tree, step })))
}

/**
 * mmdebstrap takes the package lists that are there already, so that every image of one set-up has the same versions.
 * dpkg's configuration is put in place beforehand: given as an option, each package would go through a slow filter.
 */
async function fillTree(at: Workplace, { archive, recipe, tree, step }: Bootstrap): Promise<void> {
  // An attempt that failed has left half a tree.
  await rm(tree, { recursive: true, force: true })
  await mkdir(join(tree, 'var/lib/apt'), { recursive: true })
  await cp(archive.lists, join(tree, 'var/lib/apt/lists'), { recursive: true })
  await mkdir(join(tree, 'etc/dpkg/dpkg.cfg.d'), { recursive: true })
  await writeFile(join(tree, 'etc/dpkg/dpkg.cfg.d/01vulcan'), dpkgConfig)
  const options = ['--mode=root', '--variant=essential', '--format=directory', '--architectures=amd64']
  const skip = '--skip=check/empty,update,cleanup/apt/lists'
  const apt = ['--aptopt=Acquire::Languages "none"', `--include=${recipe.packages.join(',')}`]
  const input = `${archive.sources.join('\n')}\n`
  const argv = contained(['mmdebstrap', ...options, skip, ...apt, recipe.suite, tree, '-'])
  const onLine = (line: string) => {
    if (line.startsWith('I: ')) step.update(line.slice(3, 80))
  }
  await run(argv, { input, signal: at.signal, timeoutMs: bootstrapTimeoutMs, onLine })
}

async function addAssets(at: Workplace, recipe: Recipe, tree: string): Promise<void> {
  for (const [folder, name] of Object.entries(recipe.assets ?? {})) {
    await mkdir(join(tree, folder), { recursive: true })
    await fetchPinned(at, known(pins.downloads[name], name), join(tree, folder))
  }
  for (const [folder, name] of Object.entries(recipe.npmPackages ?? {})) {
    await fetchNpmTree(at, known(pins.npmPackages[name], name), join(tree, folder))
  }
}

function known<T>(pin: T | undefined, name: string): T {
  if (pin !== undefined) return pin
  throw new VulcanError('image_build_failed', `there is no pinned asset ${name}`, { step: 'recipe' })
}

async function addFiles(recipe: Recipe, tree: string): Promise<void> {
  for (const path of recipe.remove ?? []) await rm(join(tree, path), { recursive: true, force: true })
  const user = { passwd: `vulcan:x:${userId}:${userId}::${home}:/bin/sh\n`, group: `vulcan:x:${userId}:\n` }
  for (const [file, line] of Object.entries(user)) await writeFile(join(tree, 'etc', file), line, { flag: 'a' })
  const files = {
    '/etc/hostname': 'vulcan\n',
    '/etc/hosts': '127.0.0.1 localhost vulcan\n::1 localhost\n',
    '/etc/resolv.conf': '',
    '/etc/machine-id': '',
    ...recipe.files,
  }
  for (const [path, content] of Object.entries(files)) await replace(join(tree, path), (to) => writeFile(to, content))
  for (const [path, target] of Object.entries(recipe.links ?? {})) {
    await replace(join(tree, path), (to) => symlink(target, to))
  }
  for (const folder of ['/work', home, ...(recipe.folders ?? [])]) {
    await mkdir(join(tree, folder), { recursive: true })
    await ownAll(join(tree, folder))
  }
  await chmod(join(tree, 'tmp'), 0o1777)
}

/** What is there may be a link that leads out of the tree, so it is taken away and never written through. */
async function replace(path: string, write: (path: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true })
  await write(path)
}

async function ownAll(folder: string): Promise<void> {
  await chown(folder, userId, userId)
  for await (const { path } of walk(folder)) await lchown(path, userId, userId)
}

/** As the user, with the same environment as later, so that what is left behind fits what later runs look for. */
async function warm(at: Workplace, recipe: Recipe, tree: string): Promise<void> {
  const { run: command, keepFresh } = recipe.warm ?? { run: [] }
  const env = Object.entries({ HOME: home, LANG: 'C.UTF-8', ...recipe.launch.env }).map(
    ([key, value]) => `${key}=${value}`,
  )
  const argv = contained(['chroot', `--userspec=${userId}:${userId}`, tree, 'env', '-i', ...env, ...command])
  await naming(command.join(' '), () => run(argv, { signal: at.signal, timeoutMs: warmTimeoutMs }))
  if (keepFresh === undefined) return
  for await (const { path, entry } of walk(join(tree, keepFresh))) {
    if (entry.isFile()) await lutimes(path, farFuture, farFuture)
  }
}

async function naming<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('image_build_failed', `${basename(name)} failed: ${cause.message}`, { step: name, cause })
  }
}

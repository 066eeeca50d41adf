/** Pinned downloads: files with known sha256, fetched from the first of their sources that has them whole. */
import { createWriteStream } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { VulcanError } from '../api/errors.ts'
import { exists, sha256File } from '../base/files.ts'
import { CommandFailed, run } from '../base/process.ts'
import { ensurePip } from './host.ts'
import { persist } from './persist.ts'
import type { Pinned, PinnedNpm, Source } from './pins.ts'
import type { Workplace } from './shelf.ts'

const timeoutMs = 300_000

/**
 * Puts the pinned files into `dir` (mode 0755) and returns the source that had them. A source that fails or gives wrong
 * bytes leaves nothing, and the next one is tried. Throws asset_corrupt when some gave wrong bytes, else asset_unavailable.
 */
export async function fetchPinned(at: Workplace, pinned: Pinned, dir: string): Promise<Source> {
  const failures: VulcanError[] = []
  const scratch = join(dir, '.download')
  for (const source of pinned.sources) {
    try {
      await mkdir(scratch)
      await take(at, source, { pinned, dir, scratch })
      return source
    } catch (error) {
      if (!(error instanceof VulcanError)) throw error
      failures.push(error)
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  }
  const code = failures.some((failure) => failure.code === 'asset_corrupt') ? 'asset_corrupt' : 'asset_unavailable'
  const names = Object.keys(pinned.files).join(', ')
  throw new VulcanError(code, `${names} ${pinned.version}: ${failures.map((failure) => failure.message).join('; ')}`, {
    step: 'download',
    hint: 'see that the package registries are reachable from this host, then run: vulcan setup',
    cause: failures[0],
  })
}

interface Place {
  readonly pinned: Pinned
  readonly dir: string
  readonly scratch: string
}

async function take(at: Workplace, source: Source, place: Place): Promise<void> {
  const folder = await fetchSource(at, source, place.scratch)
  for (const [name, expected] of Object.entries(place.pinned.files)) {
    const file = join(folder, name)
    if (!(await exists(file))) throw new VulcanError('asset_unavailable', `${describe(source)} has no ${name}`)
    const found = await sha256File(file)
    if (found === expected) continue
    throw new VulcanError('asset_corrupt', `${name} of ${describe(source)} has sha256 ${found}, not ${expected}`)
  }
  for (const name of Object.keys(place.pinned.files)) {
    const to = join(place.dir, name)
    await (source.kind === 'folder' ? copyFile(join(folder, name), to) : rename(join(folder, name), to))
    await chmod(to, 0o755)
  }
}

/** Brings a source's files into a folder; returns that folder. */
async function fetchSource(at: Workplace, source: Source, scratch: string): Promise<string> {
  switch (source.kind) {
    case 'folder':
      return join(at.root, source.folder)
    case 'pypi':
      return join(await fetchWheel(at, source, scratch), source.folder)
    case 'npm':
      return join(await fetchNpm(at, `${source.package}@${source.version}`, scratch), source.folder)
  }
}

async function fetchWheel(at: Workplace, source: Source & { kind: 'pypi' }, scratch: string): Promise<string> {
  await ensurePip(at)
  const pin = `${source.package}==${source.version}`
  // The wheel says which Python it wants; we only want its files, so the host's own Python does not matter.
  const options = ['--quiet', '--no-deps', '--only-binary=:all:', '--python-version', source.python, '--dest', scratch]
  await registry(at, ['python3', '-m', 'pip', 'download', '--disable-pip-version-check', ...options, pin])
  const wheel = await onlyFile(scratch, '.whl')
  await unzip(wheel, scratch, source.folder)
  return scratch
}

/** Unpacks a pinned npm package as `dir`, which must not exist. Throws asset_unavailable or asset_corrupt. */
export async function fetchNpmTree(at: Workplace, pin: PinnedNpm, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  const name = `${pin.package}@${pin.version}`
  const tarball = await packNpm(at, name, dir)
  const found = await sha256File(tarball)
  if (found !== pin.sha256) {
    throw new VulcanError('asset_corrupt', `${name} has sha256 ${found}, not ${pin.sha256}`, { step: 'download' })
  }
  await unpackNpm(tarball, dir, 1)
}

async function fetchNpm(at: Workplace, pin: string, scratch: string): Promise<string> {
  await unpackNpm(await packNpm(at, pin, scratch), scratch, 0)
  return scratch
}

/** Downloads an npm package from the user's registry; returns the tarball's path. */
async function packNpm(at: Workplace, pin: string, folder: string): Promise<string> {
  await registry(at, ['npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder, pin])
  return onlyFile(folder, '.tgz')
}

async function unpackNpm(tarball: string, to: string, strip: number): Promise<void> {
  const { x: extractTar } = await import('tar')
  await extractTar({ file: tarball, cwd: to, strip }).catch((cause: unknown) => {
    throw new VulcanError('asset_corrupt', `${tarball} cannot be read: ${String(cause)}`, { step: 'download', cause })
  })
  await rm(tarball)
}

async function registry(at: Workplace, argv: [string, ...string[]]): Promise<void> {
  try {
    await persist(at, () => run(argv, { signal: at.signal, timeoutMs }))
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('asset_unavailable', cause.message, { step: 'download', cause })
  }
}

async function onlyFile(folder: string, ending: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending))
  if (names[0] !== undefined && names.length === 1) return join(folder, names[0])
  throw new VulcanError('asset_unavailable', `expected one ${ending} file, found ${names.length}`, { step: 'download' })
}

/** Unpacks the files below one folder of a zip. Names are checked by yauzl: none leaves the target. */
async function unzip(file: string, to: string, folder: string): Promise<void> {
  try {
    const { openPromise } = await import('yauzl')
    const zip = await openPromise(file, { lazyEntries: true })
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.startsWith(`${folder}/`) || entry.fileName.endsWith('/')) continue
      await mkdir(join(to, folder), { recursive: true })
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(join(to, entry.fileName)))
    }
  } catch (cause) {
    throw new VulcanError('asset_corrupt', `${file} cannot be unpacked: ${String(cause)}`, { step: 'unzip', cause })
  }
}

function describe(source: Source): string {
  return source.kind === 'folder' ? source.folder : `${source.package} ${source.version} (${source.kind})`
}

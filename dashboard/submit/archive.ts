/** What somebody dropped or picked, as one archive to send: as it is where it is one, else packed into a tar.gz. */
import { environmentFile, isLeftOut } from '../../src/api/leftout.ts'
import { runtimes } from '../../src/api/runtimes.ts'
import type { RuntimeName } from './starters.ts'
import { namesInTar, tarOf, type PackedFile } from './tar.ts'
import { namesInZip } from './zip.ts'

export interface Archive {
  /** As a file of it would be called. */
  readonly name: string
  readonly blob: Blob
  /** Names of its files; undefined where this page cannot look into it. */
  readonly paths: readonly string[] | undefined
  /** Text of the package.json at its top, where this page has it. */
  readonly manifest?: string | undefined
  /** How many files were left out. */
  readonly leftOut: number
}

/** A file with its place in the folder that was dropped or picked. */
export interface Placed {
  readonly path: string
  readonly file: Blob
}

const isArchive = (path: string): boolean => /\.(tar|tar\.gz|tgz|tar\.zst|zip)$/i.test(path)

/** Larger ones are sent without a look: the page would stall. */
const lookBytes = 128 << 20

export async function archiveFrom(placed: readonly Placed[]): Promise<Archive> {
  const [only] = placed
  if (only && placed.length === 1 && isArchive(only.path)) {
    return { name: only.path, blob: only.file, paths: await namesIn(only), leftOut: 0 }
  }
  const kept = partOfProgram(placed)
  if (kept.length === 0) throw new Error('There are no files in it.')
  const strip = commonFolder(kept.map(({ path }) => path))
  const files: PackedFile[] = await Promise.all(
    kept.map(async ({ path, file }) => ({
      path: path.slice(strip.length),
      bytes: new Uint8Array(await file.arrayBuffer()),
    })),
  )
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  const tar = new Blob(tarOf(files)).stream().pipeThrough(new CompressionStream('gzip'))
  return {
    name: `${strip.replace(/\/$/, '').split('/').at(-1) || 'files'}.tar.gz`,
    blob: await new Response(tar).blob(),
    paths: files.map(({ path }) => path),
    manifest: await kept.find(({ path }) => path === `${strip}package.json`)?.file.text(),
    leftOut: placed.length - kept.length,
  }
}

/** Without what tools keep for themselves; a virtual environment is that within a folder, not as the whole of it. */
function partOfProgram(placed: readonly Placed[]): Placed[] {
  const top = commonFolder(placed.map(({ path }) => path))
  const environments = placed
    .filter(({ path }) => path.endsWith(`/${environmentFile}`))
    .map(({ path }) => path.slice(0, -environmentFile.length))
    .filter((folder) => folder !== top)
  return placed.filter(({ path }) => !isLeftOut(path) && !environments.some((folder) => path.startsWith(folder)))
}

/** The folder that all paths lie in, with its slash; empty where there is none. */
export function commonFolder(paths: readonly string[]): string {
  const [first = ''] = paths
  let at = first.lastIndexOf('/') + 1
  while (at > 0 && !paths.every((path) => path.startsWith(first.slice(0, at)))) at = first.lastIndexOf('/', at - 2) + 1
  return first.slice(0, at)
}

async function namesIn({ path, file }: Placed): Promise<readonly string[] | undefined> {
  // No browser takes zstd apart.
  if (file.size > lookBytes || /\.zst$/i.test(path)) return undefined
  const isZipped = /gz$/i.test(path)
  const stream = isZipped ? file.stream().pipeThrough(new DecompressionStream('gzip')) : file.stream()
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
  const names = /\.zip$/i.test(path) ? namesInZip(bytes) : namesInTar(bytes)
  return names.map((name) => name.replace(/^\.\//, '')).sort()
}

/** The runtime that most of the files are of, if any. */
export function runtimeIn(paths: readonly string[]): RuntimeName | undefined {
  const counts = runtimes.map(({ name, endings }) => ({
    name,
    count: paths.filter((path) => endings.some((ending) => path.endsWith(ending))).length,
  }))
  const best = counts.sort((a, b) => b.count - a.count)[0]
  return best && best.count > 0 ? best.name : undefined
}

/** Files that can be an entry point, the likely ones first. */
export function entrypointsIn(paths: readonly string[], runtime: RuntimeName): string[] {
  const known = runtimes.find(({ name }) => name === runtime)
  const rank = (path: string) => {
    const at = known?.entrypoints.indexOf(path) ?? -1
    return at < 0 ? 1000 + path.split('/').length : at
  }
  return paths
    .filter((path) => known?.endings.some((ending) => path.endsWith(ending)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** What `run` was pointed at: a file of code, a folder, an archive or standard input, as a request can carry it. */
import { once } from 'node:events'
import { createWriteStream, existsSync, openAsBlob, type Stats } from 'node:fs'
import { mkdtempDisposable, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, extname, join, normalize } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import type { Entry, ZipFile } from 'yauzl'
import { environmentFile, isLeftOut } from '../api/leftout.ts'
import { runtimeNamed, runtimeOfFile, runtimes } from '../api/runtimes.ts'
import type { WorkloadRequest } from '../api/workload.ts'
import { isMissing } from '../base/files.ts'
import { textOf, withoutMark } from '../base/text.ts'
import { UsageError } from './context.ts'
import { runtimeOfNames } from './detect.ts'

export interface Given extends AsyncDisposable {
  readonly request: Pick<WorkloadRequest, 'runtime' | 'code' | 'entrypoint'>
  readonly archive?: Blob
}

export interface SourceOptions {
  readonly runtime?: string | undefined
  readonly entrypoint?: string | undefined
  /** Names and paths of what is left out of a folder, beside what always is. */
  readonly exclude?: readonly string[] | undefined
  readonly archiveBytes: number
  readonly codeBytes: number
  readonly stdin: Readable
}

const archiveEndings = ['.tar', '.tar.gz', '.tgz', '.tar.zst', '.tzst', '.zip']
const otherArchive = /\.(xz|txz|gz|bz2|tbz2?|zst|lz|lz4|lzma|7z|rar)$/i

/** Reads the source. Throws UsageError naming what is wrong with it; nothing was sent then. */
export async function readSource(path: string, o: SourceOptions): Promise<Given> {
  if (o.runtime !== undefined && !runtimeNamed(o.runtime)) {
    throw new UsageError(`--runtime ${o.runtime}: there are ${runtimes.map((runtime) => runtime.name).join(', ')}`)
  }
  const found = path === '-' ? undefined : await look(path)
  if (found?.isDirectory()) return fromFolder(path, o)
  if (o.exclude) throw new UsageError(`--exclude ${o.exclude.join(' ')}: is for a folder, which ${path} is not`)
  if (!found) return fromStdin(o)
  if (!found.isFile()) throw new UsageError(`${path}: is neither a file nor a folder`)
  if (found.size === 0) throw new UsageError(`${path}: is empty`)
  if (archiveEndings.some((ending) => path.toLowerCase().endsWith(ending))) return fromArchive(path, found.size, o)
  if (otherArchive.test(path)) throw new UsageError(`${path}: archives are taken as ${archiveEndings.join(', ')}`)
  return fromFile(path, found.size, o)
}

async function look(path: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (error) {
    throw new UsageError(`${path}: ${isMissing(error) ? 'does not exist' : (error as Error).message}`)
  }
}

async function fromStdin(o: SourceOptions): Promise<Given> {
  if (o.runtime === undefined) throw new UsageError('code on standard input needs --runtime')
  const code = await textOf(o.stdin).catch((error: Error) => {
    throw new UsageError(`standard input: ${error.message}`)
  })
  check('standard input', code, o.codeBytes)
  return { ...nothingToRemove, request: { runtime: o.runtime, code: withoutMark(code), ...entry(o.entrypoint) } }
}

async function fromFile(path: string, size: number, o: SourceOptions): Promise<Given> {
  const runtime = o.runtime ?? runtimeOfFile(path)?.name
  if (!runtime) {
    const known = runtimes.flatMap(({ endings }) => endings).join(', ')
    throw new UsageError(`${path}: its ending is none of ${known}; say --runtime`)
  }
  if (size > o.codeBytes) throw new UsageError(`${path}: is too large for code (${size} bytes, at most ${o.codeBytes})`)
  const bytes = await readFile(path)
  let code: string
  try {
    code = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UsageError(`${path}: is binary, not text in UTF-8`)
  }
  check(path, code, o.codeBytes)
  // A plain program goes by the usual name, for which an interpreter may wait; another ending says how it is to be read.
  const plain = extname(path) === extname(runtimeNamed(runtime)?.mainFile ?? '')
  const named = plain || runtimeOfFile(path)?.name !== runtime ? undefined : basename(path)
  return { ...nothingToRemove, request: { runtime, code, ...entry(o.entrypoint ?? named) } }
}

function check(name: string, code: string, limit: number): void {
  if (code.trim() === '') throw new UsageError(`${name}: is empty`)
  if (code.includes('\0')) throw new UsageError(`${name}: is binary, not text in UTF-8`)
  if (code.length > limit) throw new UsageError(`${name}: is too large for code (at most ${limit} bytes)`)
}

async function fromArchive(path: string, size: number, o: SourceOptions): Promise<Given> {
  refuseLarge(path, size, o.archiveBytes)
  const runtime = o.runtime ?? (await runtimeOfArchive(path))
  return { ...nothingToRemove, request: { runtime, ...entry(o.entrypoint) }, archive: await openAsBlob(path) }
}

async function runtimeOfArchive(path: string): Promise<string> {
  const names = await (/\.zip$/i.test(path) ? namesInZip : namesInTar)(path).catch((error: Error) => {
    throw new UsageError(`${path}: cannot be read as an archive: ${error.message}`)
  })
  return runtimeOfNames(path, names)
}

async function namesInTar(path: string): Promise<string[]> {
  const { list } = await import('tar')
  const names: string[] = []
  await list({ file: path, strict: true, onReadEntry: (found) => names.push(found.path) })
  return names
}

async function namesInZip(path: string): Promise<string[]> {
  const { open } = await import('yauzl')
  const zip = await promisify<string, ZipFile>(open)(path)
  const names: string[] = []
  zip.on('entry', ({ fileName }: Entry) => names.push(fileName))
  await once(zip, 'end')
  return names
}

/** Packs a folder in a temporary file, which is removed when the source is disposed of. */
async function fromFolder(path: string, o: SourceOptions): Promise<Given> {
  const { create } = await import('tar')
  const isKept = keeper(path, o.exclude)
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-'))
  try {
    const file = join(folder.path, 'archive.tar.gz')
    const names: string[] = []
    const filter = (name: string) => isKept(name) && names.push(name) > 0
    const packed = create({ cwd: path, gzip: true, portable: true, strict: true, filter }, ['.'])
    await pipeline(packed, bounded(path, o.archiveBytes), createWriteStream(file, { mode: 0o600 }))
    // The first is the folder itself.
    if (names.length <= 1) throw new UsageError(`${path}: is empty, or holds nothing but what is left out of a folder`)
    const runtime = o.runtime ?? runtimeOfNames(path, names)
    const archive = await openAsBlob(file)
    return { request: { runtime, ...entry(o.entrypoint) }, archive, [Symbol.asyncDispose]: () => folder.remove() }
  } catch (error) {
    await folder.remove()
    throw error
  }
}

/** Tells by its name whether an entry is packed; tar looks into no folder that is not. */
function keeper(folder: string, exclude: readonly string[] = []): (name: string) => boolean {
  const excluded = exclude.map(plain)
  return (name) => {
    const path = plain(name)
    if (path === '.') return true
    return !isLeftOut(path) && !isLeftOut(path, excluded) && !existsSync(join(folder, path, environmentFile))
  }
}

const plain = (path: string): string => normalize(path).replace(/\/$/, '')

function bounded(path: string, limit: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > limit) done(new UsageError(`${path}: packed, it is larger than ${limit >> 20} MiB`))
      else done(null, chunk)
    },
  })
}

function refuseLarge(path: string, size: number, limit: number): void {
  if (size > limit) {
    throw new UsageError(
      `${path}: the archive is too large (${size >> 20} MiB, at most ${limit >> 20} MiB: limits.archive_mb)`,
    )
  }
}

const entry = (entrypoint: string | undefined): { entrypoint?: string } =>
  entrypoint === undefined ? {} : { entrypoint }

const nothingToRemove = { [Symbol.asyncDispose]: () => Promise.resolve() }

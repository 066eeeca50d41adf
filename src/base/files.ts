/** Files: written whole or not at all, hashed, removed without complaint. */
import { createHash, hash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Writes a file by a temporary neighbour and a rename, so that a reader never sees half of it. */
export async function writeAtomic(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Resolves when what was written to a file, by whomever, or the names in a folder are on the disk. Before a rename that says it is
 * whole: a size and a name may outlive a power cut without what was written.
 */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What `writeAtomic` calls a temporary. */
const temporaryName = /\.[0-9a-f]{8}\.tmp$/

/** Removes what a process that was killed in the middle of `writeAtomic` has left below a folder; nobody else may be writing there. */
export async function removeHalfWritten(folder: string): Promise<void> {
  const names = (await unlessMissing(readdir(folder, { recursive: true }))) ?? []
  for (const name of names) if (temporaryName.test(name)) await rm(join(folder, name), { force: true })
}

/** Sha256 of a file's content, in hex. */
export async function sha256File(path: string): Promise<string> {
  const sum = createHash('sha256')
  await pipeline(createReadStream(path), sum)
  return sum.digest('hex')
}

/** Sha256 of a text or of bytes, in hex. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content)
}

/** True when the path exists; errors other than "not there" are thrown. */
export async function exists(path: string): Promise<boolean> {
  return (await unlessMissing(stat(path))) !== undefined
}

/** Names of what is in a folder; none for one that is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await unlessMissing(readdir(folder))) ?? []
}

/** A file's text; undefined for one that is not there. */
export function textIn(path: string): Promise<string | undefined> {
  return unlessMissing(readFile(path, 'utf8'))
}

/** What comes of it; undefined where what it looks at is not there. */
export async function unlessMissing<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** ESRCH and ENODEV: a file of /proc or of a cgroup whose process or cgroup ended between its opening and its reading. */
const missing: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ESRCH', 'ENODEV']

/** True for the error of a path that is not there, or is there no more. */
export function isMissing(error: unknown): boolean {
  return missing.includes((error as NodeJS.ErrnoException | undefined)?.code)
}

/** MiB that a user may still write to the file system of that folder. */
export async function freeMib(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return Math.floor((bavail * bsize) / (1 << 20))
}

/**
 * A copy of what a home keeps, made while its server runs or while it does not: the store as of one moment, the output of
 * every workload in it, the key and the settings. COMPLETE is written last.
 */
import { randomBytes } from 'node:crypto'
import { constants, createWriteStream } from 'node:fs'
import { chmod, copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { pipeline as piped } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { create } from 'tar'
import { isMissing, syncPath } from '../base/files.ts'
import { copyStore, dropForgotten } from '../store/backup.ts'

export interface BackupOptions {
  readonly home: string
  /** What is made: a folder, or an archive where it ends in .tar.zst. Nothing may be there. */
  readonly path: string
  readonly signal: AbortSignal
}

interface Filling {
  readonly home: string
  readonly folder: string
  readonly signal: AbortSignal
}

/** Written last: what lacks it is no backup. */
const marker = 'COMPLETE'
/** What there is in a home that is not the store's. Assets and images are made anew. */
const files = ['key', 'vulcan.toml']

/** Makes a backup; once it resolves, with its size in bytes, it is whole and on the disk. Else nothing is there. */
export async function backUp({ home, path, signal }: BackupOptions): Promise<number> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  const folder = `${temporary}.d`
  try {
    const bytes = await fill({ home, folder, signal })
    if (!path.endsWith('.tar.zst')) {
      await rename(folder, path)
      await syncPath(dirname(path))
      return bytes
    }
    await piped(await packed(folder), createWriteStream(temporary, { mode: 0o600, flush: true }), { signal })
    await rename(temporary, path)
    await syncPath(dirname(path))
    return (await stat(path)).size
  } finally {
    await rm(temporary, { force: true })
    await rm(folder, { recursive: true, force: true })
  }
}

/** A backup as the bytes of a .tar.zst; what it is made from lies in `folder`, a new one, until the stream is closed. */
export async function streamBackup(o: Filling & { readonly log: (error: unknown) => void }): Promise<Readable> {
  const remove = () => rm(o.folder, { recursive: true, force: true })
  try {
    await fill(o)
    const stream = await packed(o.folder)
    stream.once('close', () => void remove().catch(o.log))
    return stream
  } catch (error) {
    await remove()
    throw error
  }
}

/** Fills a new folder; its size in bytes. */
async function fill({ home, folder, signal }: Filling): Promise<number> {
  await mkdir(join(folder, 'runs'), { recursive: true, mode: 0o700 })
  const store = join(folder, 'vulcan.db')
  const runs = new Map<string, number>()
  for (const id of await copyStore(home, store)) {
    signal.throwIfAborted()
    runs.set(id, await copyRun(join(home, 'runs', id), join(folder, 'runs', id)))
  }
  for (const id of await dropForgotten(home, store, [...runs.keys()])) {
    runs.delete(id)
    await rm(join(folder, 'runs', id), { recursive: true, force: true })
  }
  let { size: bytes } = await stat(store)
  for (const name of files) bytes += await copy(join(home, name), join(folder, name))
  for (const size of runs.values()) bytes += size
  await syncPath(join(folder, 'runs'))
  await syncPath(folder)
  const about = { format: 1, made_at: new Date().toISOString(), workloads: runs.size, bytes }
  await writeFile(join(folder, marker), `${JSON.stringify(about)}\n`, { mode: 0o600, flush: true })
  await syncPath(folder)
  return bytes
}

/** Of a workload that never ran there is no folder; that of one that is forgotten meanwhile may go while it is copied. */
async function copyRun(from: string, to: string): Promise<number> {
  const names = await orNothing(readdir(from), [])
  if (names.length === 0) return 0
  await mkdir(to, { mode: 0o700 })
  let bytes = 0
  for (const name of names) bytes += await copy(join(from, name), join(to, name))
  await syncPath(to)
  return bytes
}

/** Its size in bytes; 0 where there is nothing to copy. A log that grows meanwhile may end in half an entry, as after a crash. */
async function copy(from: string, to: string): Promise<number> {
  const isThere = await orNothing(
    copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).then(() => true),
    false,
  )
  if (!isThere) return 0
  await chmod(to, 0o600)
  await syncPath(to)
  return (await stat(to)).size
}

async function orNothing<T>(found: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await found
  } catch (error) {
    if (isMissing(error)) return otherwise
    throw error
  }
}

/** COMPLETE goes last, so that an archive that was cut off lacks it; left to itself, tar packs what is in folders later. */
async function packed(folder: string): Promise<Readable> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name !== marker).sort()
  const options = { cwd: folder, strict: true, noDirRecurse: true }
  const archive = Readable.from(create(options, [...names, marker]), { objectMode: false })
  // What goes wrong with one ends the other, where whoever reads sees it.
  return pipeline(archive, createZstdCompress(), () => undefined)
}

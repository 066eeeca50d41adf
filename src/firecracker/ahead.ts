/**
 * Pages of a guest's memory that every vm of a template writes to. The memory is the template's file, mapped privately, so each
 * of them is copied when it is first written to, and a guest has mostly read it before: that is three faults (it is not there;
 * it must not be written; the copy is not there), and each leaves the guest. Copied before the vm goes on, it is one.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { isMissing } from '../base/files.ts'

/** Pages that follow one another in a file of memory: the first, and how many. */
export type Pages = readonly [first: number, count: number]

/** A piece of a file that a process has mapped privately, to write to. In bytes. */
interface Mapped {
  readonly address: number
  readonly offset: number
  readonly length: number
}

const pageBytes = 4096
/** Bytes of one entry of /proc/PID/pagemap; the highest byte has the flags (Documentation/admin-guide/mm/pagemap.rst). */
const entryBytes = 8
const present = 0x80
const ofFile = 0x20
/** So many pages between two runs are copied too: another call costs more than they do. */
const gap = 2
/** Longest run, in pages. */
const longest = 64
/** Most that are copied, in pages: each is memory that a vm has for itself while it waits. */
const most = 16_384
/** Runs that are copied before others have a turn: well below a millisecond. */
const runsInTurn = 32

/** What a process has in private copies by now, of a file that it has mapped: its path ends so. */
export async function copiedBy(pid: number, file: string): Promise<Pages[]> {
  const pagemap = await open(`/proc/${pid}/pagemap`, 'r')
  try {
    const copied: number[] = []
    for (const { address, offset, length } of await mappedBy(pid, file)) {
      const entries = Buffer.alloc((length / pageBytes) * entryBytes)
      const { bytesRead } = await pagemap.read(entries, 0, entries.length, (address / pageBytes) * entryBytes)
      for (const page of copiedIn(entries.subarray(0, bytesRead))) copied.push(offset / pageBytes + page)
    }
    return runsOf(copied.slice(0, most))
  } finally {
    await pagemap.close()
  }
}

/** Numbers of the entries whose page is there and is no file's. Pure. */
export function copiedIn(entries: Uint8Array): number[] {
  const pages: number[] = []
  for (let at = entryBytes - 1; at < entries.length; at += entryBytes)
    if ((entries[at]! & (present | ofFile)) === present) pages.push((at - entryBytes + 1) / entryBytes)
  return pages
}

/** Pages, in their order, as runs of them. Pure. */
export function runsOf(pages: readonly number[]): Pages[] {
  const runs: [number, number][] = []
  for (const page of pages) {
    const last = runs.at(-1)
    const count = last ? page - last[0] + 1 : Infinity
    if (last && count <= longest && page - last[0] - last[1] <= gap) last[1] = count
    else runs.push([page, 1])
  }
  return runs
}

/**
 * Has a process that stands still own these pages of a file that it has mapped, its path ending in `file`. They are written as
 * they are in its memory, not in the file: some may be other there, as that of the generation's id, which Firecracker writes.
 */
export async function copyAhead(pid: number, file: string, pages: readonly Pages[]): Promise<void> {
  const mapped = await mappedBy(pid, file)
  using memory = opened(`/proc/${pid}/mem`, 'r+')
  const buffer = Buffer.allocUnsafe(longest * pageBytes)
  for (const [at, [first, count]] of pages.entries()) {
    const [from, length] = [first * pageBytes, count * pageBytes]
    const piece = mapped.find((one) => from >= one.offset && from + length <= one.offset + one.length)
    if (!piece) continue
    const address = piece.address + from - piece.offset
    // Each call takes some microseconds; to wait for a thread to make it would take longer.
    const bytes = readSync(memory.fd, buffer, 0, length, address)
    writeSync(memory.fd, buffer, 0, bytes, address)
    if (at % runsInTurn === runsInTurn - 1) await turn()
  }
}

function opened(path: string, flags: string): Disposable & { readonly fd: number } {
  const fd = openSync(path, flags)
  return { fd, [Symbol.dispose]: () => closeSync(fd) }
}

/** Where a process has that file for itself, to write to. */
async function mappedBy(pid: number, file: string): Promise<Mapped[]> {
  const lines = (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n')
  return lines.flatMap((line) => {
    const [, from = '', to = '', offset = ''] = /^(\w+)-(\w+) rw-p (\w+) /.exec(line) ?? []
    if (from === '' || !line.endsWith(file)) return []
    const address = Number.parseInt(from, 16)
    return [{ address, offset: Number.parseInt(offset, 16), length: Number.parseInt(to, 16) - address }]
  })
}

export async function keepPages(path: string, pages: readonly Pages[]): Promise<void> {
  await writeFile(path, JSON.stringify(pages))
}

/** None where none were kept. */
export async function keptPages(path: string): Promise<Pages[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Pages[]
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** What an archive holds, and what of it is refused. Pure. Nothing is ever unpacked on the host. */
import { VulcanError } from '../../api/errors.ts'

export interface ArchiveEntry {
  /** As the archive writes it. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'
  readonly bytes: number
  /** Where a link points. */
  readonly target?: string
  /** Beginning of a file that the search for an entry point looks into. */
  readonly content?: string
}

export interface Bounds {
  readonly maxEntries: number
  /** Of all files together, unpacked. */
  readonly maxBytes: number
}

/** Characters of a name that an error shows. */
const shownName = 300

/** Throws archive_unsafe for an entry that could touch anything outside /work. */
export function refuseUnsafe(entry: ArchiveEntry): void {
  const refuse = (why: string): never => {
    const name = JSON.stringify(entry.path.slice(0, shownName))
    throw new VulcanError('archive_unsafe', `the archive entry ${name} is refused: ${why}`, {
      hint: 'leave it out of the archive; `vulcan run --exclude NAME` leaves it out of a folder',
    })
  }
  if (entry.path === '' || entry.path.includes('\0')) refuse('it has no usable name')
  if (isTooLong(entry.path)) refuse('its name is longer than a file system takes')
  if (isAbsolute(entry.path)) refuse('its path is absolute')
  if (leaves(entry.path)) refuse('its path leaves the archive')
  if (entry.kind === 'other') refuse('it is a device, a pipe or something else that is no file')
  if (entry.target === undefined) return
  // A hard link's target counts from the archive's top, a symbolic link's from its own folder.
  const from = entry.kind === 'symlink' ? entry.path.split('/').slice(0, -1).join('/') : ''
  if (isTooLong(entry.target)) refuse('it links to a name that is longer than a file system takes')
  if (isAbsolute(entry.target)) refuse(`it links to the absolute path ${JSON.stringify(entry.target)}`)
  if (leaves(`${from}/${entry.target}`)) refuse(`it links out of the archive, to ${JSON.stringify(entry.target)}`)
}

/** Collects entries under bounds; every entry passes refuseUnsafe. */
export class Collector {
  readonly entries: ArchiveEntry[] = []
  readonly #bounds: Bounds
  #bytes = 0
  #contentBytes = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  add(entry: ArchiveEntry): void {
    refuseUnsafe(entry)
    if (this.entries.length >= this.#bounds.maxEntries) {
      throw new VulcanError('archive_too_large', `the archive holds more than ${this.#bounds.maxEntries} entries`)
    }
    this.entries.push({ ...entry, path: normal(entry.path), ...this.#contentOf(entry) })
    this.grow(entry.bytes)
  }

  /** A hundred thousand beginnings would fill the server's memory: of what is too much, nothing is kept. */
  #contentOf({ content }: ArchiveEntry): Pick<ArchiveEntry, 'content'> {
    if (content === undefined) return {}
    this.#contentBytes += content.length
    return { content: this.#contentBytes > contentsLimit ? '' : content }
  }

  /** Counts unpacked bytes. */
  grow(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#bounds.maxBytes) {
      const mib = Math.floor(this.#bounds.maxBytes / (1 << 20))
      throw new VulcanError('archive_too_large', `unpacked, the archive is larger than ${mib} MiB`, {
        hint: 'raise resources.disk_mb',
      })
    }
  }
}

/** Linux' own bounds; the guest refuses the same. */
const isTooLong = (path: string): boolean =>
  Buffer.byteLength(path) > 4095 || path.split('/').some((part) => Buffer.byteLength(part) > 255)

const isAbsolute = (path: string): boolean => /^([/\\]|[A-Za-z]:[/\\])/.test(path)

/** True when following the path goes above its beginning at any point. */
function leaves(path: string): boolean {
  let depth = 0
  for (const part of path.split('/')) {
    if (part === '..') depth -= 1
    else if (part !== '' && part !== '.') depth += 1
    if (depth < 0) return true
  }
  return false
}

/** Without `./`, doubled and closing slashes. */
export function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** Files whose beginning is read: package.json and Go sources. */
export function wantsContent(path: string): boolean {
  return path.endsWith('.go') || normal(path).split('/').at(-1) === 'package.json'
}

/** Bytes read of such a file. */
export const contentLimit = 256 << 10
/** Characters that are kept of all such files of an archive together. */
const contentsLimit = 64 << 20

/** Empty disks: one formatted template for each size, copied for every vm, since formatting costs a process and time. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, namesIn, syncPath } from '../base/files.ts'
import { run } from '../base/process.ts'
import { fileThing, type Thing } from './network/things.ts'

/** Name of one in the making. */
const half = /^\d+m\.ext4\.\d+\.tmp$/

export class DiskTemplates {
  readonly #folder: string
  readonly #making = new Map<number, Promise<string>>()
  /** Half-made ones, which are ours. */
  readonly #temporary = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Path of an empty ext4 of that many MiB; made once. */
  of(sizeMib: number): Promise<string> {
    const making = this.#making.get(sizeMib) ?? this.#make(sizeMib)
    this.#making.set(sizeMib, making)
    // A failure is not remembered: the next vm tries again.
    making.catch(() => this.#making.delete(sizeMib))
    return making
  }

  /** Those that are half made, and by nobody. */
  async strays(): Promise<Thing[]> {
    const paths = (await namesIn(this.#folder))
      .filter((name) => half.test(name))
      .map((name) => join(this.#folder, name))
    const why = `half an empty disk in ${this.#folder}, which nobody makes`
    const strays = paths.filter((path) => !this.#temporary.has(path))
    const things = strays.map((path) => fileThing(path, { kind: 'disk', why, remove: () => rm(path, { force: true }) }))
    return (await Promise.all(things)).flat()
  }

  async #make(sizeMib: number): Promise<string> {
    const path = join(this.#folder, `${sizeMib}m.ext4`)
    if (await exists(path)) return path
    await mkdir(this.#folder, { recursive: true })
    const temporary = `${path}.${process.pid}.tmp`
    this.#temporary.add(temporary)
    try {
      const file = await open(temporary, 'w', 0o444)
      await file.truncate(sizeMib * (1 << 20))
      await file.close()
      // No journal: the disk dies with its vm. No reserved blocks: what the user asked for is the user's.
      const features = ['-O', '^has_journal,^resize_inode', '-m', '0', '-E', 'lazy_itable_init=1,nodiscard']
      await run(['mkfs.ext4', '-q', '-F', ...features, temporary], { timeoutMs: 120_000 })
      await syncPath(temporary)
      await rename(temporary, path)
      return path
    } finally {
      await rm(temporary, { force: true })
      this.#temporary.delete(temporary)
    }
  }
}

/** Empty disks: one formatted template for each size, copied for every vm, since formatting costs a process and time. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, namesIn, syncPath } from '../base/files.ts'
import { run } from '../base/process.ts'
import { fileThing, type Thing } from './network/things.ts'

/** Name of one in the making. */
const half = /^\d+m\.ext4\.\d+\.tmp$/
/** Sizes that are kept: whoever asks for another each time shall not fill the disk with them. */
const most = 64
const whole = /^(\d+)m\.ext4$/

export class DiskTemplates {
  readonly #folder: string
  /** The one that was asked for longest ago comes first. */
  readonly #making = new Map<number, Promise<string>>()
  /** Half-made ones, which are ours. */
  readonly #temporary = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Path of an empty ext4 of that many MiB; made once. */
  of(sizeMib: number): Promise<string> {
    const making = this.#making.get(sizeMib) ?? this.#make(sizeMib)
    this.#making.delete(sizeMib)
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

  /** Those that an earlier server has made go first. */
  async #keepFew(): Promise<void> {
    const made = (await namesIn(this.#folder)).flatMap((name) => whole.exec(name)?.[1] ?? []).map(Number)
    const sizes = [...made.filter((size) => !this.#making.has(size)), ...this.#making.keys()]
    for (const size of sizes.slice(0, -most)) {
      this.#making.delete(size)
      await rm(this.#pathOf(size), { force: true })
    }
  }

  #pathOf(sizeMib: number): string {
    return join(this.#folder, `${sizeMib}m.ext4`)
  }

  async #make(sizeMib: number): Promise<string> {
    const path = this.#pathOf(sizeMib)
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
      await this.#keepFew()
      return path
    } finally {
      await rm(temporary, { force: true })
      this.#temporary.delete(temporary)
    }
  }
}

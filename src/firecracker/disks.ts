/** Empty disks: one formatted template for each size, copied for every vm, since formatting costs a process and time. */
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from '../base/files.ts'
import { run } from '../base/process.ts'

export class DiskTemplates {
  readonly #folder: string
  readonly #making = new Map<number, Promise<string>>()

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

  async #make(sizeMib: number): Promise<string> {
    const path = join(this.#folder, `${sizeMib}m.ext4`)
    if (await exists(path)) return path
    await mkdir(this.#folder, { recursive: true })
    const temporary = `${path}.${process.pid}.tmp`
    try {
      const file = await open(temporary, 'w', 0o444)
      await file.truncate(sizeMib * (1 << 20))
      await file.close()
      // No journal: the disk dies with its vm. No reserved blocks: what the user asked for is the user's.
      const features = ['-O', '^has_journal,^resize_inode', '-m', '0', '-E', 'lazy_itable_init=1,nodiscard']
      await run(['mkfs.ext4', '-q', '-F', ...features, temporary], { timeoutMs: 120_000 })
      await rename(temporary, path)
      return path
    } finally {
      await rm(temporary, { force: true })
    }
  }
}

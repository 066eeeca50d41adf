/** For tests: a real disk that is small, and full when it is told to be. Takes root. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './process.ts'

/** Bytes in which its room is given out. */
export const page = 4096

export class SmallDisk implements AsyncDisposable {
  readonly folder: string
  readonly #bytes: number

  private constructor(folder: string, bytes: number) {
    this.folder = folder
    this.#bytes = bytes
  }

  /** Disposing of it takes what it holds; nothing there may be open then. */
  static async make(pages: number): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'vulcan-disk-'))
    await run(['mount', '-t', 'tmpfs', '-o', `size=${pages * page}`, 'vulcan-disk', folder])
    return new SmallDisk(folder, pages * page)
  }

  /** Has a file of its own take all but so many pages, as far as others have not taken them. */
  async leave(pages: number): Promise<void> {
    const other = join(this.folder, 'other')
    await writeFile(other, '')
    await truncate(other, 0)
    await writeFile(other, Buffer.alloc(Math.max(0, this.#bytes - pages * page))).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(['umount', this.folder])
    await rm(this.folder, { recursive: true })
  }
}

/**
 * The write-ahead log on its way to the disk, beside the event loop: SQLite's own sync in a commit would hold up everybody for
 * as long as the disk takes. A commit is in the log before its sync is asked for, so the next one to begin covers it.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { storeFailed } from './sqlite.ts'

export class Disk {
  readonly #sync: () => Promise<void>
  #waiting: PromiseWithResolvers<void>[] = []
  #busy = false
  #failed: Error | undefined

  /** `sync`: resolves when all that was written before the call is on the disk. */
  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  /**
   * Resolves when all that was committed before is on the disk; all who ask while a sync is under way share the next one. After
   * one that failed it only rejects: what the kernel could not write it may have dropped, and it would not say so again.
   */
  synced(): Promise<void> {
    const one = Promise.withResolvers<void>()
    this.#waiting.push(one)
    if (!this.#busy) void this.#work()
    return one.promise
  }

  async #work(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      const all = this.#waiting
      this.#waiting = []
      await this.#once().then(
        () => all.forEach((one) => one.resolve()),
        (error: unknown) => all.forEach((one) => one.reject(error)),
      )
    }
    this.#busy = false
  }

  async #once(): Promise<void> {
    if (this.#failed) throw this.#failed
    try {
      await this.#sync()
    } catch (cause) {
      this.#failed = new Error('an earlier change did not get to the disk: the server has to be started anew', {
        cause,
      })
      throw cause
    }
  }
}

/** Opens the log beside a database file, which is there while SQLite has that open. Throws store_failed. */
export async function openLog(database: string): Promise<FileHandle> {
  const path = `${database}-wal`
  try {
    return await open(path, 'r')
  } catch (cause) {
    throw storeFailed(`opening ${path}`, cause)
  }
}

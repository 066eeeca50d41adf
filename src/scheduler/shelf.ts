/** The folders of workloads: $VULCAN_HOME/runs/<id> with events.log, and the archive. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncPath } from '../base/files.ts'

export class Shelf {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(home: string): Promise<Shelf> {
    const folder = join(home, 'runs')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new Shelf(folder)
  }

  archivePath(id: string): string {
    return join(this.#folder, id, 'archive')
  }

  logPath(id: string): string {
    return join(this.#folder, id, 'events.log')
  }

  async create(id: string): Promise<void> {
    await mkdir(join(this.#folder, id), { recursive: true, mode: 0o700 })
  }

  /** Resolves when an archive is on the disk: what is accepted survives a power cut. */
  async syncArchive(id: string): Promise<void> {
    for (const path of [this.archivePath(id), join(this.#folder, id), this.#folder]) await syncPath(path)
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#folder, id), { recursive: true, force: true })
  }

  /** Ids that have a folder. */
  async ids(): Promise<string[]> {
    return readdir(this.#folder)
  }
}

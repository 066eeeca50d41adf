/** The folders of workloads: $VULCAN_HOME/runs/<id> with events.log, the archive while it runs, and record.json at the end. */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkloadRecord, WorkloadSummary } from '../api/workload.ts'
import { isMissing, writeAtomic } from '../base/files.ts'
import { EventLog } from './eventlog.ts'

export interface Ended {
  readonly summary: WorkloadSummary
  /** Of everything kept of it. */
  readonly bytes: number
}

export class Shelf {
  readonly #folder: string

  constructor(home: string) {
    this.#folder = join(home, 'runs')
  }

  archivePath(id: string): string {
    return join(this.#folder, id, 'archive')
  }

  async create(id: string): Promise<void> {
    await mkdir(join(this.#folder, id), { recursive: true, mode: 0o700 })
  }

  createLog(id: string): Promise<EventLog> {
    return EventLog.create(join(this.#folder, id, 'events.log'))
  }

  reopenLog(id: string): Promise<EventLog> {
    return EventLog.reopen(join(this.#folder, id, 'events.log'))
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#folder, id), { recursive: true, force: true })
  }

  async finish(record: WorkloadRecord): Promise<Ended> {
    await writeAtomic(join(this.#folder, record.id, 'record.json'), JSON.stringify(record), 0o600)
    return this.#endedOf(record)
  }

  async record(id: string): Promise<WorkloadRecord> {
    return JSON.parse(await readFile(join(this.#folder, id, 'record.json'), 'utf8')) as WorkloadRecord
  }

  /** What an earlier process ended, oldest first; what it did not end is removed. */
  async load(): Promise<Ended[]> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const ended: Ended[] = []
    for (const id of (await readdir(this.#folder)).sort()) {
      const record = await this.record(id).catch((error: unknown) => {
        if (isMissing(error)) return undefined
        throw error
      })
      if (record) ended.push(await this.#endedOf(record))
      else await this.remove(id)
    }
    return ended
  }

  async #endedOf(record: WorkloadRecord): Promise<Ended> {
    const {
      stdout: _out,
      stderr: _err,
      dropped_bytes: _dropped,
      result: _result,
      result_error: _why,
      ...summary
    } = record
    const files = await Promise.all(
      ['events.log', 'record.json'].map((name) => stat(join(this.#folder, record.id, name))),
    )
    return { summary, bytes: files.reduce((sum, file) => sum + file.size, 0) }
  }
}

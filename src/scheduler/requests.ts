/** What was asked for: kept as long as a workload's record, unless the operator wants none of it kept. */
import { rm } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import type { KeptRequest } from '../api/request.ts'
import type { RunSpec } from '../backend/backend.ts'
import { exists } from '../base/files.ts'
import type { Stored } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { keptRequestOf, requestBytes } from './asked.ts'
import { expectQuota } from './quota.ts'
import { missing, nothingGiven } from './record.ts'
import type { Shelf } from './shelf.ts'
import { specOfText } from './spec.ts'

export interface RequestsOptions {
  readonly store: Store
  readonly shelf: Shelf
  /** Whether anything is kept beyond the end of a workload. */
  readonly keeps: boolean
}

export class Requests {
  readonly #o: RequestsOptions

  constructor(options: RequestsOptions) {
    this.#o = options
  }

  /**
   * Throws quota_exceeded where that tenant may hand in nothing now; not for an idempotency key that has made a workload before:
   * whoever comes with it is answered.
   */
  async expectQuota(tenant: string, key: string | undefined): Promise<void> {
    const { store } = this.#o
    if (key === undefined || !(await store.usedBefore(tenant, key))) await expectQuota(store, tenant)
  }

  /** `whole`: with what only its sender should see. Throws not_found, also where the workload is known and this not kept. */
  async read(id: string, { whole }: { whole: boolean }): Promise<KeptRequest> {
    const { row, spec } = await this.#found(id)
    return keptRequestOf(row, spec, { whole, archiveKept: await exists(this.#o.shelf.archivePath(id)) })
  }

  /** The file of the archive that it came as. Throws not_found where there is none. */
  async archive(id: string): Promise<{ readonly path: string; readonly format: string }> {
    const { source } = (await this.#found(id)).spec
    if (source.kind !== 'archive')
      throw new VulcanError('not_found', `the workload ${id} came as code, not as an archive`)
    if (await exists(source.path)) return source
    throw notKept(id)
  }

  /** Ends what nobody has claimed yet, as killed; false when somebody has, or it has ended. */
  async cancel(id: string): Promise<boolean> {
    const { store, shelf, keeps } = this.#o
    const text = await store.request(id)
    const exit = { by: 'killed', message: 'killed while it waited' } as const
    const cancelled = await store.cancel(id, {
      ...{ status: 'killed', at: Date.now(), record: JSON.stringify({ exit }), given: JSON.stringify(nothingGiven) },
      ...(keeps && text !== undefined
        ? { request: text, bytes: requestBytes(text, this.#specOf(id, text).source) }
        : { bytes: 0 }),
    })
    if (cancelled && !keeps) await rm(shelf.archivePath(id), { force: true })
    return cancelled
  }

  async #found(id: string): Promise<{ row: Stored; spec: RunSpec }> {
    const row = await this.#o.store.find(id)
    if (!row) throw missing(id)
    const text = await this.#o.store.request(id)
    if (text === undefined) throw notKept(id)
    return { row, spec: this.#specOf(id, text) }
  }

  #specOf(id: string, text: string): RunSpec {
    return specOfText(text, { id, archivePath: this.#o.shelf.archivePath(id) })
  }
}

const notKept = (id: string): VulcanError =>
  new VulcanError('not_found', `what was asked for by the workload ${id} is not kept`, {
    hint: 'it ran before this version of Vulcan, or under retention.requests = false',
  })

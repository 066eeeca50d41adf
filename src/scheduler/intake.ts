/** From a request to a workload on the disk: admitted, its archive looked into, its idempotency key honoured. */
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import type { KeyQuotas } from '../api/keys.ts'
import type { WorkloadRequest, WorkloadSummary } from '../api/workload.ts'
import type { Capabilities, RunSpec } from '../backend/backend.ts'
import { sha256File } from '../base/files.ts'
import { orderedId } from '../base/id.ts'
import type { Store } from '../store/store.ts'
import type { Exceeded } from '../store/keys.ts'
import { firstFence, type Used } from '../store/workloads.ts'
import { admit, type Limits, type Offer } from './admission.ts'
import { summaryOf } from './record.ts'
import type { Shelf } from './shelf.ts'
import { prepare, type Upload } from './source.ts'
import { textOfSpec } from './spec.ts'
import type { Worker } from './worker.ts'

const dayMs = 24 * 3600 * 1000

export interface Intake {
  readonly store: Store
  readonly shelf: Shelf
  readonly limits: Limits
  readonly offer: Offer & Pick<Capabilities, 'runtimes'>
  readonly tenant: string
  /** Of the tenant; undefined where the store has to be asked. */
  readonly quotas: KeyQuotas | undefined
  readonly signal: AbortSignal
  /** Where nothing waits for a place of its node, it is claimed with its first row. */
  readonly worker: Pick<Worker, 'lease' | 'begin' | 'pump'>
  /** Called when it is on the disk, before it can start; not for a request that has made one before. */
  readonly onTaken: (summary: WorkloadSummary) => void
}

/**
 * Resolves with the id once the workload is on the disk. The upload's file is moved or removed, whatever happens. Rejects with a
 * VulcanError that names the field at fault, having left nothing behind.
 */
export async function take(request: WorkloadRequest, upload: Upload | undefined, o: Intake): Promise<string> {
  try {
    const admitted = admit(request, { limits: o.limits, offers: [o.offer], uploaded: upload !== undefined })
    const { idempotency_key: key } = request
    if (key === undefined) return await keep(request, { admitted, upload, o })
    const body = await digest(request, upload)
    const used = await o.store.usedBefore(o.tenant, key)
    return used ? same(used, { key, body }) : await keep(request, { admitted, upload, o, idempotency: { key, body } })
  } finally {
    if (upload) await rm(upload.path, { force: true })
  }
}

interface Keeping {
  readonly admitted: ReturnType<typeof admit>
  readonly upload: Upload | undefined
  readonly o: Intake
  readonly idempotency?: { readonly key: string; readonly body: string }
}

async function keep(request: WorkloadRequest, { admitted, upload, o, idempotency }: Keeping): Promise<string> {
  const id = orderedId()
  if (upload || request.code_archive !== undefined) {
    // Asked again with the row; an archive is not looked into for nothing.
    const spent = await o.store.exceeded(o.tenant, Date.now())
    if (spent) throw exceededBy(spent)
    await o.shelf.create(id)
  }
  try {
    const spec = await specOf(request, { id, admitted, upload, o })
    const row = rowOf(request, { admitted, spec, tenant: o.tenant })
    const unlimited = o.quotas && o.quotas.queued === undefined && o.quotas.cpu_seconds === undefined
    // Whether a quota is used up, the store knows alone: nothing is begun that it may refuse.
    const mayBegin = unlimited && o.quotas?.running === undefined && o.offer.runtimes.includes(row.runtime)
    const lease = mayBegin ? o.worker.lease(row) : undefined
    const text = textOfSpec(spec)
    const inserted = o.store.insert({ ...row, spec: text, idempotency, unlimited, lease })
    const accepted = inserted.then((instead) => {
      if (instead) throw new Error('it was not kept')
      o.onTaken(summaryOf({ row, status: 'pending' }))
    })
    // While it is on its way to the disk: its vm is made ready, or a claim goes with it.
    if (lease) o.worker.begin({ ...row, ...unclaimed, node: lease.node, spec: text }, { spec, accepted })
    else o.worker.pump()
    await accepted.catch(() => undefined)
    const instead = await inserted
    if (instead && 'quota' in instead) throw exceededBy(instead)
    if (!instead || !idempotency) return id
    // The same request came twice at once; the other was first.
    await o.shelf.remove(id)
    return same(instead, idempotency)
  } catch (error) {
    await o.shelf.remove(id)
    throw error
  }
}

function rowOf(
  request: WorkloadRequest,
  { admitted, spec, tenant }: Pick<Keeping, 'admitted'> & { spec: RunSpec; tenant: string },
) {
  return {
    id: spec.id,
    tenant,
    runtime: admitted.runtime.name,
    isolation: admitted.isolation,
    priority: request.priority ?? 0,
    cpus: spec.resources.cpus,
    memMib: spec.resources.memMib,
    createdAt: Date.now(),
    labels: request.labels ?? {},
  }
}

const unclaimed = {
  status: 'pending',
  startedAt: undefined,
  finishedAt: undefined,
  record: undefined,
  fence: firstFence,
} as const

async function specOf(
  request: WorkloadRequest,
  { id, admitted, upload, o }: Keeping & { id: string },
): Promise<RunSpec> {
  const prepared = await prepare(request, {
    runtime: admitted.runtime,
    upload,
    archivePath: o.shelf.archivePath(id),
    archiveBytes: o.limits.archiveBytes,
    unpackedBytes: admitted.rest.resources.diskMib * (1 << 20),
    signal: o.signal,
  })
  if (prepared.source.kind === 'archive') await o.shelf.syncArchive(id)
  return { id, ...admitted.rest, ...prepared }
}

/** The queue moves at any moment; a day's processor time comes back at midnight, UTC. */
function exceededBy({ quota, limit }: Exceeded): VulcanError {
  const words = {
    queued: `${limit} workloads of this key wait already`,
    running: `${limit} workloads of this key run already`,
    cpu_seconds: `the workloads of this key took ${limit} s of processor time today`,
  }
  const retryAfterS = quota === 'cpu_seconds' ? Math.ceil((dayMs - (Date.now() % dayMs)) / 1000) : 1
  return new VulcanError('quota_exceeded', `the quota ${quota} is used up: ${words[quota]}`, { retryAfterS })
}

function same(used: Used, { key, body }: { key: string; body: string }): string {
  if (used.body === body) return used.workload
  throw new VulcanError(
    'idempotency_conflict',
    `the idempotency key ${JSON.stringify(key)} was used with another body`,
    { field: '/idempotency_key' },
  )
}

async function digest(request: WorkloadRequest, upload?: Upload): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(sorted({ ...request, idempotency_key: undefined })))
  if (upload) hash.update(await sha256File(upload.path))
  return hash.digest('hex')
}

/** The same value with every object's keys in order, so that their order in a body does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

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
import { firstFence, type Used } from '../store/workloads.ts'
import { admit, type Limits, type Offer } from './admission.ts'
import { exceededBy, expectQuota } from './quota.ts'
import { summaryOf } from './record.ts'
import type { Shelf } from './shelf.ts'
import { prepare, type Upload } from './source.ts'
import { textOfSpec } from './spec.ts'
import type { Worker } from './worker.ts'

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

/** What is handed in. */
export interface Handed {
  readonly request: WorkloadRequest
  readonly upload: Upload | undefined
  /** Its idempotency key, and what its body has to be when that comes again. */
  readonly idempotency?: { readonly key: string; readonly body: string }
}

/**
 * Gives the workload that a request with an idempotency key has made before; takes it in where it has not. Asked before anything
 * that may refuse it: what was taken in once is answered, full as the queue may be. The upload's file is moved or removed, whatever
 * happens.
 */
export async function once(
  { request, upload }: Handed,
  { store, tenant }: Pick<Intake, 'store' | 'tenant'>,
  takeIn: (handed: Handed) => Promise<string>,
): Promise<string> {
  try {
    const { idempotency_key: key } = request
    if (key === undefined) return await takeIn({ request, upload })
    const idempotency = { key, body: await digest(request, upload) }
    const used = await store.usedBefore(tenant, key)
    return used ? await same(store, used, idempotency) : await takeIn({ request, upload, idempotency })
  } finally {
    if (upload) await rm(upload.path, { force: true })
  }
}

/**
 * Resolves with the id once the workload is on the disk. Rejects with a VulcanError that names the field at fault, having left
 * nothing behind.
 */
export async function take(handed: Handed, o: Intake): Promise<string> {
  const uploaded = handed.upload !== undefined
  return keep({ ...handed, admitted: admit(handed.request, { limits: o.limits, offers: [o.offer], uploaded }) }, o)
}

interface Admitted extends Handed {
  readonly admitted: ReturnType<typeof admit>
}

async function keep(handed: Admitted, o: Intake): Promise<string> {
  const { request, admitted, upload, idempotency } = handed
  const id = orderedId()
  if (upload || request.code_archive !== undefined) {
    // An archive is not looked into for nothing.
    await expectQuota(o.store, o.tenant)
    await o.shelf.create(id)
  }
  try {
    const spec = await specOf(id, handed, o)
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
    return await same(o.store, instead, idempotency)
  } catch (error) {
    await o.shelf.remove(id)
    throw error
  }
}

function rowOf(
  request: WorkloadRequest,
  { admitted, spec, tenant }: Pick<Admitted, 'admitted'> & { spec: RunSpec; tenant: string },
) {
  return {
    id: spec.id,
    tenant,
    runtime: admitted.runtime.name,
    isolation: admitted.isolation,
    priority: request.priority ?? 0,
    cpus: spec.resources.cpus,
    memMib: spec.resources.memMib,
    diskMib: spec.resources.diskMib,
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

async function specOf(id: string, { request, admitted, upload }: Admitted, o: Intake): Promise<RunSpec> {
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

/** The workload of that use. Throws idempotency_conflict for another body, and not_found where it is forgotten. */
async function same(store: Store, used: Used, { key, body }: { key: string; body: string }): Promise<string> {
  const [field, named] = ['/idempotency_key', `the idempotency key ${JSON.stringify(key)}`]
  if (used.body !== body) {
    throw new VulcanError('idempotency_conflict', `${named} was used with another body`, { field })
  }
  if (await store.find(used.workload)) return used.workload
  throw new VulcanError('not_found', `${named} made the workload ${used.workload}, which has ended and is forgotten`, {
    field,
    hint: 'it is not run a second time; another key makes another workload',
  })
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

/** Workloads taken in, found and forgotten. */
import type { Selectable } from 'kysely'
import type { Status } from '../api/workload.ts'
import type { Db, Trx } from './commits.ts'
import { exceeded, type Exceeded } from './keys.ts'
import { prepared } from './prepared.ts'
import { storedColumns, storedOf, type Stored } from './rows.ts'
import type { WorkloadTable } from './schema.ts'

/** What of a workload is known when it comes. */
type Brought =
  | 'id'
  | 'tenant'
  | 'runtime'
  | 'isolation'
  | 'priority'
  | 'cpus'
  | 'memMib'
  | 'diskMib'
  | 'createdAt'
  | 'labels'

/** The first owner of one that is claimed in the moment it comes. */
export interface FirstLease {
  readonly node: string
  readonly until: number
}

/** The fence of a first lease. */
export const firstFence = 1

export interface NewWorkload extends Pick<Stored, Brought> {
  readonly spec: string
  /** Whoever hands it in is known to have no quota that could be used up. */
  readonly unlimited?: boolean | undefined
  /** Whoever gives it knows that nothing else waits, and that its node has room. */
  readonly lease?: FirstLease | undefined
  /** The caller's own name for the request, and a digest of what it asked for. */
  readonly idempotency?: { readonly key: string; readonly body: string } | undefined
}

export interface Used {
  readonly workload: string
  readonly body: string
}

type Accepted = Omit<NewWorkload, 'labels' | 'idempotency' | 'lease' | 'unlimited'> & {
  readonly labels: string
  readonly node: string | null
  readonly until: number | null
  readonly fence: number
}

const accept = prepared<Accepted, unknown>((db, given) =>
  db.insertInto('workloads').values({
    id: given('id'),
    tenant: given('tenant'),
    status: 'pending',
    runtime: given('runtime'),
    isolation: given('isolation'),
    priority: given('priority'),
    cpus: given('cpus'),
    mem_mib: given('memMib'),
    disk_mib: given('diskMib'),
    created_at: given('createdAt'),
    labels: given('labels'),
    spec: given('spec'),
    lease_node: given('node'),
    lease_until: given('until'),
    fence: given('fence'),
  }),
)

/**
 * Keeps a new workload. Where its idempotency key was used before, nothing is kept and that use comes back; where a quota
 * is used up, that. No error, which would cost the changes that share the commit a second try each.
 */
export async function insert(trx: Trx, one: NewWorkload): Promise<Used | Exceeded | undefined> {
  const { id, tenant, idempotency } = one
  const used = idempotency && (await usedBefore(trx, tenant, idempotency.key))
  const instead = used ?? (one.unlimited ? undefined : await exceeded(trx, tenant, one.createdAt))
  if (instead) return instead
  const { node = null, until = null } = one.lease ?? {}
  await accept(trx, { ...one, labels: JSON.stringify(one.labels), node, until, fence: one.lease ? firstFence : 0 })
  const labels = Object.entries(one.labels).map(([name, value]) => ({ workload: id, name, value }))
  if (labels.length > 0) await trx.insertInto('labels').values(labels).execute()
  if (idempotency) {
    const { key, body } = idempotency
    await trx.insertInto('idempotency').values({ tenant, key, body, workload: id, created_at: one.createdAt }).execute()
  }
  return undefined
}

/** What an idempotency key was first used for. */
export async function usedBefore(db: Db | Trx, tenant: string, key: string): Promise<Used | undefined> {
  return db
    .selectFrom('idempotency')
    .select(['workload', 'body'])
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .executeTakeFirst()
}

type StoredRow = Pick<Selectable<WorkloadTable>, (typeof storedColumns)[number]>

const byId = prepared<{ id: string }, StoredRow>((db, given) =>
  db.selectFrom('workloads').select(storedColumns).where('id', '=', given('id')),
)

export async function find(db: Db, id: string): Promise<Stored | undefined> {
  const [row] = (await byId(db, { id })).rows
  return row && storedOf(row)
}

const givenBy = prepared<{ id: string }, { given: string }>((db, given) =>
  db.selectFrom('given').select('given').where('workload', '=', given('id')),
)

export async function given(db: Db, id: string): Promise<string | undefined> {
  return (await givenBy(db, { id })).rows[0]?.given
}

const requestBy = prepared<{ id: string }, { request: string | null }>((db, given) =>
  db
    .selectFrom('workloads')
    .leftJoin('given', 'given.workload', 'workloads.id')
    .select(({ fn }) => fn.coalesce('workloads.spec', 'given.request').as('request'))
    .where('workloads.id', '=', given('id')),
)

export async function request(db: Db, id: string): Promise<string | undefined> {
  return (await requestBy(db, { id })).rows[0]?.request ?? undefined
}

/** How many wait to be claimed. */
export async function countWaiting(db: Db | Trx): Promise<number> {
  const { count } = await db
    .selectFrom('workloads')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is', null)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** How many of those that wait come before this one, whatever their owner: its place is one more. */
export async function countBefore(db: Db, { id, priority }: Pick<Stored, 'id' | 'priority'>): Promise<number> {
  const { count } = await db
    .selectFrom('workloads')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is', null)
    .where((eb) => eb.or([eb('priority', '>', priority), eb.and([eb('priority', '=', priority), eb('id', '<', id)])]))
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

export async function countByStatus(db: Db): Promise<Readonly<Partial<Record<Status, number>>>> {
  const rows = await db
    .selectFrom('workloads')
    .select(({ fn }) => ['status', fn.countAll<number>().as('count')])
    .groupBy('status')
    .execute()
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}

/** Ids of what has not ended, of every node. */
export async function unfinished(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('workloads').select('id').where('finished_at', 'is', null).execute()
  return rows.map(({ id }) => id)
}

/** Which of those ids are known. */
export async function known(db: Db, ids: readonly string[]): Promise<Set<string>> {
  const rows = await db.selectFrom('workloads').select('id').where('id', 'in', ids).execute()
  return new Set(rows.map(({ id }) => id))
}

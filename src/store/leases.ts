/**
 * The queue: which node runs which workload. A workload is claimed once and never again, so that nothing runs twice;
 * every write of its owner carries the fence it was claimed with, so that one who lost it is refused.
 */
import { sql, type Transaction } from 'kysely'
import type { Db } from './commits.ts'
import { spend } from './keys.ts'
import type { Schema } from './schema.ts'
import { claimedOf, type Claimed } from './rows.ts'

type Trx = Transaction<Schema>

/** What a node bears. */
export interface Capacity {
  readonly vms: number
  /** Of those, how many may be starting at once. */
  readonly starting: number
  readonly cpus: number
  readonly memMib: number
  /** MiB that a vm takes on top of its workload's memory. */
  readonly overheadMib: number
}

export interface Load {
  readonly vms: number
  readonly starting: number
  readonly cpus: number
  readonly memMib: number
}

export interface Claim {
  readonly node: string
  readonly now: number
  readonly leaseMs: number
  readonly capacity: Capacity
  /** Runtimes whose images are there. */
  readonly runtimes: readonly string[]
}

/** Whose a write is. */
export interface Owned {
  readonly id: string
  readonly fence: number
}

/**
 * Claims what is next, where the node has room for it: highest priority, then the tenant that has least running, then the
 * earliest. A tenant that runs as many as its key may is passed over: it holds up nobody but itself. Only that one is looked at: letting smaller ones pass would starve a large one. One that is larger than the
 * whole node runs alone.
 */
export async function claim(trx: Trx, o: Claim): Promise<Claimed | undefined> {
  const { node, capacity } = o
  if (o.runtimes.length === 0) return undefined
  const used = await loadOf(trx, { node, overheadMib: capacity.overheadMib })
  if (used.vms >= capacity.vms || used.starting >= capacity.starting) return undefined
  let claiming = trx
    .updateTable('workloads')
    .set({ lease_node: node, lease_until: o.now + o.leaseMs, fence: sql`fence + 1` })
    .where('id', '=', nextOf(trx, o.runtimes))
    .where('lease_node', 'is', null)
  if (used.vms > 0) {
    claiming = claiming
      .where('cpus', '<=', capacity.cpus - used.cpus)
      .where('mem_mib', '<=', capacity.memMib - used.memMib - capacity.overheadMib)
  }
  const row = await claiming.returningAll().executeTakeFirst()
  return row && claimedOf(row)
}

/** What runs and starts on a node. */
export async function loadOf(db: Db | Trx, o: { node: string; overheadMib: number }): Promise<Load> {
  const { vms, starting, cpus, mem } = await db
    .selectFrom('workloads')
    .where('lease_node', '=', o.node)
    .where('finished_at', 'is', null)
    .select(({ fn }) => [
      fn.countAll<number>().as('vms'),
      sql<number>`coalesce(sum(case when started_at is null then 1 else 0 end), 0)`.as('starting'),
      sql<number>`coalesce(sum(cpus), 0)`.as('cpus'),
      sql<number>`coalesce(sum(mem_mib), 0)`.as('mem'),
    ])
    .executeTakeFirstOrThrow()
  return { vms, starting, cpus, memMib: mem + vms * o.overheadMib }
}

/** The id of what is next among those runtimes. */
function nextOf(trx: Trx, runtimes: readonly string[]) {
  const busy = trx
    .selectFrom('workloads')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is not', null)
    .select(({ fn }) => ['tenant', fn.countAll<number>().as('running')])
    .groupBy('tenant')
  const full = trx
    .selectFrom('api_keys')
    .innerJoin(busy.as('theirs'), 'theirs.tenant', 'api_keys.id')
    .whereRef('theirs.running', '>=', 'api_keys.running')
    .select('api_keys.id')
  const waiting = trx
    .selectFrom('workloads')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is', null)
    .where('runtime', 'in', runtimes)
    .where('tenant', 'not in', full)
  const first = waiting
    .where(
      'priority',
      '=',
      waiting.select(({ fn }) => fn.max('priority').as('priority')),
    )
    .select(({ fn }) => ['tenant', fn.min('id').as('id')])
    .groupBy('tenant')
  return trx
    .selectFrom(first.as('first'))
    .leftJoin(busy.as('busy'), 'busy.tenant', 'first.tenant')
    .select('first.id')
    .orderBy(sql`coalesce(busy.running, 0)`)
    .orderBy('first.id')
    .limit(1)
}

/** Says that a node lives and still has all it claimed. */
export async function renew(trx: Trx, node: string, until: number): Promise<void> {
  await trx
    .updateTable('workloads')
    .set({ lease_until: until })
    .where('lease_node', '=', node)
    .where('finished_at', 'is', null)
    .execute()
}

/** Takes over what an earlier process of the same node had claimed, with a new fence each, earliest first. */
export async function takeOver(trx: Trx, node: string, until: number): Promise<Claimed[]> {
  const rows = await trx
    .updateTable('workloads')
    .set({ lease_until: until, fence: sql`fence + 1` })
    .where('lease_node', '=', node)
    .where('finished_at', 'is', null)
    .returningAll()
    .execute()
  return rows.map(claimedOf).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Takes away what nodes that were not heard of in time had claimed; whoever asks now owns it, to end it. */
export async function reap(trx: Trx, o: { node: string; now: number; leaseMs: number }): Promise<Claimed[]> {
  const rows = await trx
    .updateTable('workloads')
    .set({ lease_node: o.node, lease_until: o.now + o.leaseMs, fence: sql`fence + 1` })
    .where('lease_until', '<', o.now)
    .where('finished_at', 'is', null)
    .returningAll()
    .execute()
  return rows.map(claimedOf)
}

/** Notes that the program runs. False when the fence is not the newest: somebody else owns it. */
export async function started(trx: Trx, { id, fence }: Owned, o: { at: number; record: string }): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('workloads')
    .set({ status: 'running', started_at: o.at, record: o.record })
    .where('id', '=', id)
    .where('fence', '=', fence)
    .where('finished_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Lets what was claimed wait again; only for one whose program has not run. False when it is not the owner's any more. */
export async function giveBack(trx: Trx, { id, fence }: Owned): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('workloads')
    .set({ lease_node: null, lease_until: null })
    .where('id', '=', id)
    .where('fence', '=', fence)
    .where('started_at', 'is', null)
    .where('finished_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export interface End {
  readonly status: 'completed' | 'failed' | 'killed'
  readonly at: number
  readonly record: string
  /** What its program gave. */
  readonly given: string
  /** Kept of it on disk. */
  readonly bytes: number
  /** Processor time that it took, in milliseconds. */
  readonly cpuMs: number
}

/** Of what never ran. */
export type Ended = Omit<End, 'bytes' | 'given' | 'cpuMs'>

/** The last word. False when it was said already or the fence is not the newest. */
export async function finish(trx: Trx, { id, fence }: Owned, end: End): Promise<boolean> {
  const row = await trx
    .updateTable('workloads')
    .set({ status: end.status, finished_at: end.at, record: end.record, bytes: end.bytes, spec: null })
    .where('id', '=', id)
    .where('fence', '=', fence)
    .where('finished_at', 'is', null)
    .returning('tenant')
    .executeTakeFirst()
  if (!row) return false
  await trx.insertInto('given').values({ workload: id, given: end.given }).execute()
  await spend(trx, { tenant: row.tenant, at: end.at, cpuMs: end.cpuMs })
  return true
}

/** Ends what nobody has claimed yet; false when somebody has, or it has ended. */
export async function cancel(trx: Trx, id: string, end: Ended): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('workloads')
    .set({ status: end.status, finished_at: end.at, record: end.record, spec: null })
    .where('id', '=', id)
    .where('lease_node', 'is', null)
    .where('finished_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

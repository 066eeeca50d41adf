/**
 * The queue: which node runs which workload. A workload is claimed once and never again, so that nothing runs twice;
 * every write of its owner carries the fence it was claimed with, so that one who lost it is refused.
 */
import { sql } from 'kysely'
import type { Db, Trx } from './commits.ts'
import { spend } from './keys.ts'
import { prepared } from './prepared.ts'
import { claimedOf, type Claimed } from './rows.ts'

/** What a node bears. */
export interface Capacity {
  readonly vms: number
  /** Of those, how many may be starting at once. */
  readonly starting: number
  readonly cpus: number
  readonly memMib: number
  /** Of the disks of all vms together. */
  readonly diskMib: number
  /** MiB that a vm takes on top of its workload's memory. */
  readonly overheadMib: number
}

export interface Load {
  readonly vms: number
  readonly starting: number
  readonly cpus: number
  readonly memMib: number
  readonly diskMib: number
}

/** Whose a write is. */
export interface Owned {
  readonly id: string
  readonly fence: number
}

/** What a node has, over its open rows. */
export const loadColumns = {
  vms: sql<number>`count(*)`,
  starting: sql<number>`coalesce(sum(case when started_at is null then 1 else 0 end), 0)`,
  cpus: sql<number>`coalesce(sum(cpus), 0)`,
  mem: sql<number>`coalesce(sum(mem_mib), 0)`,
  disk: sql<number>`coalesce(sum(disk_mib), 0)`,
} as const

const load = prepared<{ node: string }, Omit<Load, 'memMib'> & { readonly mem: number }>((db, given) =>
  db
    .selectFrom('workloads')
    .where('lease_node', '=', given('node'))
    .where('finished_at', 'is', null)
    .select([
      loadColumns.vms.as('vms'),
      loadColumns.starting.as('starting'),
      loadColumns.cpus.as('cpus'),
      loadColumns.mem.as('mem'),
      loadColumns.disk.as('diskMib'),
    ]),
)

/** What runs and starts on a node. */
export async function loadOf(db: Db | Trx, o: { node: string; overheadMib: number }): Promise<Load> {
  const [row] = (await load(db, { node: o.node })).rows
  const { mem, ...rest } = row ?? { vms: 0, starting: 0, cpus: 0, mem: 0, diskMib: 0 }
  return { ...rest, memMib: mem + rest.vms * o.overheadMib }
}

/**
 * Says that a node lives and still has all it claimed. No fence is asked for: it gives nobody a right, and moves only when others
 * may take over. A server that had lost its rows to a newer one of its node's name could keep those of that one, once dead, from
 * being reaped; but whoever opens a store holds the lock of its home (`src/serve/serve.ts`), and is alone.
 */
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
  return inOrder(rows.map(claimedOf))
}

/** Takes away what nodes that were not heard of in time had claimed, earliest first; whoever asks now owns it, to end it. */
export async function reap(trx: Trx, o: { node: string; now: number; leaseMs: number }): Promise<Claimed[]> {
  const rows = await trx
    .updateTable('workloads')
    .set({ lease_node: o.node, lease_until: o.now + o.leaseMs, fence: sql`fence + 1` })
    .where('lease_until', '<', o.now)
    .where('finished_at', 'is', null)
    .returningAll()
    .execute()
  return inOrder(rows.map(claimedOf))
}

/** Updates give rows in an order of their own. */
const inOrder = (all: Claimed[]): Claimed[] => all.sort((a, b) => (a.id < b.id ? -1 : 1))

const noteStart = prepared<Owned & Start, unknown>((db, given) =>
  db
    .updateTable('workloads')
    .set({ status: 'running', started_at: given('at'), record: given('record') })
    .where('id', '=', given('id'))
    .where('fence', '=', given('fence'))
    .where('finished_at', 'is', null),
)

export interface Start {
  readonly at: number
  readonly record: string
}

/** Notes that the program runs. False when the fence is not the newest: somebody else owns it. */
export async function started(trx: Trx, { id, fence }: Owned, start: Start): Promise<boolean> {
  const { numAffectedRows } = await noteStart(trx, { id, fence, ...start })
  return numAffectedRows === 1n
}

/**
 * Lets what was claimed wait again; only for one whose program has not run. False when it is not the owner's any more. The fence
 * moves on as for a new owner: what whoever gave it back has still under way is refused.
 */
export async function giveBack(trx: Trx, { id, fence }: Owned): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('workloads')
    .set({ lease_node: null, lease_until: null, fence: sql`fence + 1` })
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
  /** When its program began, if it did: the note of that may have been lost. */
  readonly startedAt?: number | undefined
  readonly record: string
  /** What its program gave. */
  readonly given: string
  /** What was asked for, where that is to be kept. */
  readonly request?: string | undefined
  /** Kept of it on disk. */
  readonly bytes: number
  /** Processor time that it took, in milliseconds. */
  readonly cpuMs: number
}

/** Of what never ran. */
export type Ended = Omit<End, 'startedAt' | 'cpuMs'>

type LastWord = Owned & Pick<End, 'status' | 'at' | 'record' | 'bytes'> & { readonly startedAt: number | null }

const noteEnd = prepared<LastWord, { tenant: string; counted: number | null }>((db, given) =>
  db
    .updateTable('workloads')
    .set({
      status: given('status'),
      started_at: sql`coalesce(${given('startedAt')}, started_at)`,
      finished_at: given('at'),
      record: given('record'),
      bytes: given('bytes'),
      spec: null,
    })
    .where('id', '=', given('id'))
    .where('fence', '=', given('fence'))
    .where('finished_at', 'is', null)
    // Most keys have no quota of processor time: for them nothing is counted.
    .returning((eb) => [
      'tenant',
      eb
        .selectFrom('api_keys')
        .select('cpu_seconds')
        .whereRef('api_keys.id', '=', 'workloads.tenant')
        .where('cpu_seconds', 'is not', null)
        .as('counted'),
    ]),
)

const keep = prepared<{ id: string; given: string; request: string | null }, unknown>((db, given) =>
  db.insertInto('given').values({ workload: given('id'), given: given('given'), request: given('request') }),
)

/** The last word. False when it was said already or the fence is not the newest. */
export async function finish(trx: Trx, { id, fence }: Owned, end: End): Promise<boolean> {
  const [row] = (await noteEnd(trx, { id, fence, ...end, startedAt: end.startedAt ?? null })).rows
  if (!row) return false
  await keep(trx, { id, given: end.given, request: end.request ?? null })
  if (row.counted !== null) await spend(trx, { tenant: row.tenant, at: end.at, cpuMs: end.cpuMs })
  return true
}

/** Ends what nobody has claimed yet; false when somebody has, or it has ended. */
export async function cancel(trx: Trx, id: string, end: Ended): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('workloads')
    .set({ status: end.status, finished_at: end.at, record: end.record, bytes: end.bytes, spec: null })
    .where('id', '=', id)
    .where('lease_node', 'is', null)
    .where('finished_at', 'is', null)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) return false
  await keep(trx, { id, given: end.given, request: end.request ?? null })
  return true
}

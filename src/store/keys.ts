/** Keys, and what each may still use of what it was given. */
import { sql, type Selectable } from 'kysely'
import type { KeyQuotas, QuotaName, Scope } from '../api/keys.ts'
import type { Db, Trx } from './commits.ts'
import { unindexed } from './dialect.ts'
import { prepared } from './prepared.ts'
import type { KeyTable } from './schema.ts'

/** A key as it is kept. Times are milliseconds of the epoch. */
export interface StoredKey {
  readonly id: string
  readonly name: string
  /** Sha256 of its text, in hex. */
  readonly hash: string
  readonly scopes: readonly Scope[]
  readonly quotas: KeyQuotas
  readonly createdAt: number
  readonly lastUsedAt: number | undefined
  readonly expiresAt: number | undefined
  readonly revokedAt: number | undefined
}

export type FreshKey = Omit<StoredKey, 'lastUsedAt' | 'revokedAt'>

/** A quota that is used up. */
export interface Exceeded {
  readonly quota: QuotaName
  readonly limit: number
}

export async function insertKey(trx: Trx, { quotas, ...key }: FreshKey): Promise<void> {
  const { id, name, hash } = key
  await trx
    .insertInto('api_keys')
    .values({
      ...{ id, name, hash },
      scopes: JSON.stringify(key.scopes),
      created_at: key.createdAt,
      expires_at: key.expiresAt ?? null,
      running: quotas.running ?? null,
      queued: quotas.queued ?? null,
      cpu_seconds: quotas.cpu_seconds ?? null,
    })
    .execute()
}

const byHash = prepared<{ hash: string }, Selectable<KeyTable>>((db, given) =>
  db.selectFrom('api_keys').selectAll().where('hash', '=', given('hash')),
)

export async function keyByHash(db: Db, hash: string): Promise<StoredKey | undefined> {
  const [row] = (await byHash(db, { hash })).rows
  return row && keyOf(row)
}

/** Oldest first, those that were revoked included: workloads and the audit log still name them. */
export async function listKeys(db: Db): Promise<StoredKey[]> {
  return (await db.selectFrom('api_keys').selectAll().orderBy('id').execute()).map(keyOf)
}

/** Refuses it from now on; gives it back, as of its first revocation, or undefined when there is none. */
export async function revokeKey(trx: Trx, id: string, at: number): Promise<StoredKey | undefined> {
  const row = await trx
    .updateTable('api_keys')
    .set({ revoked_at: sql<number>`coalesce(revoked_at, ${at})` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  return row && keyOf(row)
}

export async function noteUse(trx: Trx, id: string, at: number): Promise<void> {
  await trx.updateTable('api_keys').set({ last_used_at: at }).where('id', '=', id).execute()
}

const quotasOf = prepared<{ tenant: string }, Pick<Selectable<KeyTable>, 'queued' | 'cpu_seconds'>>((db, given) =>
  db.selectFrom('api_keys').select(['queued', 'cpu_seconds']).where('id', '=', given('tenant')),
)

/** The first quota because of which a tenant may hand in nothing now; tenants without quotas have none. */
export async function exceeded(db: Db | Trx, tenant: string, now: number): Promise<Exceeded | undefined> {
  const [key] = (await quotasOf(db, { tenant })).rows
  if (!key) return undefined
  const { queued, cpu_seconds: seconds } = key
  if (queued !== null && (await waitingOf(db, tenant)) >= queued) return { quota: 'queued', limit: queued }
  if (seconds !== null && (await spentBy(db, tenant, now)) >= seconds * 1000) {
    return { quota: 'cpu_seconds', limit: seconds }
  }
  return undefined
}

async function waitingOf(db: Db | Trx, tenant: string): Promise<number> {
  const { count } = await db
    .selectFrom('workloads')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is', null)
    // Else the planner goes through all that is kept of the tenant.
    .where(unindexed(db, 'tenant'), '=', tenant)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

async function spentBy(db: Db | Trx, tenant: string, now: number): Promise<number> {
  const query = db.selectFrom('spent').select('cpu_ms').where('tenant', '=', tenant).where('day', '=', dayOf(now))
  return (await query.executeTakeFirst())?.cpu_ms ?? 0
}

const addSpent = prepared<{ tenant: string; day: string; cpuMs: number }, unknown>((db, given) =>
  db
    .insertInto('spent')
    .values({ tenant: given('tenant'), day: given('day'), cpu_ms: given('cpuMs') })
    .onConflict((conflict) =>
      conflict.columns(['tenant', 'day']).doUpdateSet({ cpu_ms: sql`spent.cpu_ms + excluded.cpu_ms` }),
    ),
)

/** Adds what an ended workload took of the processors to its owner's day. */
export async function spend(trx: Trx, o: { tenant: string; at: number; cpuMs: number }): Promise<void> {
  const { tenant, at, cpuMs } = o
  if (cpuMs <= 0) return
  await addSpent(trx, { tenant, day: dayOf(at), cpuMs: Math.round(cpuMs) })
}

/** Forgets what was spent on days before that of this time. */
export async function forgetSpent(trx: Trx, before: number): Promise<void> {
  await trx.deleteFrom('spent').where('day', '<', dayOf(before)).execute()
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

function keyOf(row: Selectable<KeyTable>): StoredKey {
  const { running, queued, cpu_seconds: cpuSeconds } = row
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    scopes: JSON.parse(row.scopes) as Scope[],
    quotas: {
      ...(running !== null && { running }),
      ...(queued !== null && { queued }),
      ...(cpuSeconds !== null && { cpu_seconds: cpuSeconds }),
    },
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  }
}

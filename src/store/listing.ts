/** Listings: newest first, by what somebody asked for. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Status } from '../api/workload.ts'
import type { Db } from './commits.ts'
import { unindexed } from './dialect.ts'
import { storedColumns, storedOf, type Stored } from './rows.ts'

export interface Filter {
  /** Only this tenant's; everybody's without it. */
  readonly tenant?: string | undefined
  readonly status?: Status | undefined
  readonly runtime?: string | undefined
  readonly label?: { readonly name: string; readonly value: string } | undefined
  /** Only what is older than this id. */
  readonly before?: string | undefined
  readonly limit: number
}

/** Rows that are looked through in one go, which takes a millisecond or two. */
const step = 1000

/**
 * Newest first. No index leads to a runtime, which may be rare: what there is is looked through in steps, between which
 * others get their turn.
 */
export async function list(db: Db, o: Filter): Promise<Stored[]> {
  if (o.runtime === undefined) return listAll(db, o)
  const found: Stored[] = []
  for (let before = o.before; ; await turn()) {
    const last = await lastOfStep(db, { ...o, before })
    found.push(...(await listAll(db, { ...o, before, limit: o.limit - found.length }, last)))
    if (found.length >= o.limit || last === undefined) return found
    before = last
  }
}

/** The id at which a step ends; undefined where no more are left than one takes. */
async function lastOfStep(db: Db, { tenant, status, before }: Filter): Promise<string | undefined> {
  let query = db.selectFrom('workloads').select('id')
  if (tenant !== undefined) query = query.where('tenant', '=', tenant)
  else if (status !== undefined) query = query.where('status', '=', status)
  if (before !== undefined) query = query.where('id', '<', before)
  const row = query
    .orderBy('id', 'desc')
    .limit(1)
    .offset(step - 1)
  return (await row.executeTakeFirst())?.id
}

/** `down`: no further than to this id. */
async function listAll(db: Db, o: Filter, down?: string): Promise<Stored[]> {
  const { tenant, status, runtime, label, before } = o
  let query = db.selectFrom('workloads').select(storedColumns)
  if (tenant !== undefined) query = query.where('tenant', '=', tenant)
  // Of a tenant's, in the index of its own: by that of all statuses the planner would go through everybody's.
  if (status !== undefined)
    query = query.where(tenant === undefined ? 'status' : unindexed<Status>(db, 'status'), '=', status)
  if (runtime !== undefined) query = query.where('runtime', '=', runtime)
  if (before !== undefined) query = query.where('id', '<', before)
  if (down !== undefined) query = query.where('id', '>=', down)
  if (label) {
    const { name, value } = label
    query = query.where('id', 'in', (inner) =>
      inner.selectFrom('labels').select('workload').where('name', '=', name).where('value', '=', value),
    )
  }
  const rows = await query.orderBy('id', 'desc').limit(o.limit).execute()
  return rows.map(storedOf)
}

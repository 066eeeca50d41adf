/** What has ended, and how it is forgotten: in steps that each take a millisecond or so, however much of it there is. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Db, Trx } from './commits.ts'

export interface Bounds {
  readonly count: number
  readonly bytes: number
  /** What ended before goes, in milliseconds of the epoch. */
  readonly endedAfter: number
}

/** One that has ended, by its place in the order in which they did. */
export interface Ended {
  readonly id: string
  readonly finishedAt: number
}

/** Rows that are looked at in one go. */
const step = 1000

/** The one that ended last of those beyond any of the bounds: all that ended before it are too. Others get their turn meanwhile. */
export async function newestOutdated(db: Db, bounds: Bounds): Promise<Ended | undefined> {
  let [count, bytes] = [0, 0]
  for (let before: Ended | undefined; ; await turn()) {
    const page = await endedBefore(db, before)
    for (const one of page) {
      count += 1
      bytes += one.bytes
      if (count > bounds.count || bytes > bounds.bytes || one.finishedAt < bounds.endedAfter) return one
    }
    before = page.at(-1)
    if (page.length < step) return undefined
  }
}

/** A page of what has ended, newest first. */
async function endedBefore(db: Db, before: Ended | undefined): Promise<(Ended & { bytes: number })[]> {
  let query = db.selectFrom('workloads').select(['id', 'finished_at', 'bytes']).where('finished_at', 'is not', null)
  if (before) {
    const { finishedAt, id } = before
    query = query.where((e) => e.eb(e.refTuple('finished_at', 'id'), '<', e.tuple(finishedAt, id)))
  }
  const rows = await query.orderBy('finished_at', 'desc').orderBy('id', 'desc').limit(step).execute()
  return rows.map(({ id, finished_at: finishedAt, bytes }) => ({ id, finishedAt: finishedAt ?? 0, bytes }))
}

/** How many have ended up to that one. */
export async function countUpTo(db: Db, { finishedAt, id }: Ended): Promise<number> {
  const { count } = await db
    .selectFrom('workloads')
    .where('finished_at', 'is not', null)
    .where((e) => e.eb(e.refTuple('finished_at', 'id'), '<=', e.tuple(finishedAt, id)))
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** Ids of what ended first, up to that one and as many as `limit`. */
export async function oldest(db: Db, { finishedAt, id }: Ended, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('workloads')
    .select('id')
    .where('finished_at', 'is not', null)
    .where((e) => e.eb(e.refTuple('finished_at', 'id'), '<=', e.tuple(finishedAt, id)))
    .orderBy('finished_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

export async function remove(trx: Trx, ids: readonly string[]): Promise<void> {
  await trx.deleteFrom('workloads').where('id', 'in', ids).execute()
}

/** When the key was first used before which there are so many newer ones; undefined where there are fewer. */
export async function ageOfKey(db: Db, newer: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('idempotency')
    .select('created_at')
    .orderBy('created_at', 'desc')
    .limit(1)
    .offset(newer)
    .executeTakeFirst()
  return row?.created_at
}

/** Frees idempotency keys that were first used before that time, as many as `limit`; gives back how many those were. */
export async function freeKeys(trx: Trx, before: number, limit: number): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom('idempotency')
    .where((e) =>
      e.eb(
        e.refTuple('tenant', 'key'),
        'in',
        e
          .selectFrom('idempotency')
          .select(['tenant', 'key'])
          .where('created_at', '<', before)
          .limit(limit)
          .$asTuple('tenant', 'key'),
      ),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

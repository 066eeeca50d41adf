/** How statements find their rows: by an index, however much waits or is kept of the past. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SQLInputValue } from 'node:sqlite'
import { Kysely, type CompiledQuery } from 'kysely'
import { expect, test } from 'vitest'
import { orderedId } from '../base/id.ts'
import { claim } from './claim.ts'
import { exceeded, insertKey } from './keys.ts'
import { list } from './listing.ts'
import { migrate } from './migrations.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteDialect, openSqlite } from './sqlite.ts'
import { newestOutdated, oldest } from './past.ts'
import { testWorkload } from './testing.ts'
import { countWaiting, insert } from './workloads.ts'

type Act = (db: Kysely<Schema>) => Promise<unknown>

/** The planner's words on how what is asked of the table of workloads is found. */
async function plansOf(act: Act, before: Act = () => Promise.resolve()): Promise<string[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-plans-'))
  const database = openSqlite(join(folder.path, 'vulcan.db'))
  const asked: CompiledQuery[] = []
  const log = ({ query }: { query: CompiledQuery }) => void asked.push(query)
  await using db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database), log })
  await migrate(db)
  await before(db)
  asked.length = 0
  await act(db)
  return asked
    .filter(({ sql }) => sql.includes('workloads'))
    .flatMap(({ sql, parameters }) =>
      database
        .prepare(`explain query plan ${sql}`)
        .all(...(parameters as SQLInputValue[]))
        .map(({ detail }) => String(detail)),
    )
}

const onWorkloads = (plans: readonly string[]) => plans.filter((plan) => /\bworkloads\b/.test(plan))

async function fill(db: Kysely<Schema>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (let n = 0; n < 3; n += 1) await insert(trx, testWorkload())
    await insertKey(trx, {
      ...{ id: 't', name: 't', hash: 'h', scopes: ['run'], createdAt: 1, expiresAt: undefined },
      quotas: { running: 3, queued: 4 },
    })
  })
}

test('a claim, a quota and a count of what waits search in the indexes of what is open', async () => {
  const capacity = { vms: 3, starting: 3, cpus: 3, memMib: 1024, diskMib: 1 << 20, overheadMib: 0 }
  const wish = { node: 'n', now: 1, leaseMs: 1, capacity, runtimes: ['python'], most: 3 }
  const found = onWorkloads(
    await plansOf(async (db) => {
      await db.transaction().execute(async (trx) => {
        expect(await exceeded(trx, 't', 1)).toBeUndefined()
        expect((await claim(trx, wish)).claimed).toHaveLength(3)
        await countWaiting(trx)
      })
    }, fill),
  )
  expect(found.length).toBeGreaterThan(10)
  const indexes = /INDEX (workloads_waiting|workloads_claimed|sqlite_autoindex_workloads_1)\b/
  expect(found.filter((step) => !indexes.test(step))).toEqual([])
})

test("a listing of a tenant's workloads searches among its own in an index that knows what is filtered, and sorts nothing", async () => {
  const filters = [{}, { status: 'failed' }, { runtime: 'go' }, { status: 'completed', runtime: 'go' }] as const
  for (const filter of filters) {
    for (const before of [undefined, orderedId()]) {
      const plans = await plansOf((db) => list(db, { tenant: 't', ...filter, before, limit: 50 }))
      expect(plans.at(-1)).toMatch(/^SEARCH workloads USING INDEX workloads_by_tenant \(tenant=\?/)
      // Where a step ends, for what is filtered by runtime.
      const steps = plans.slice(0, -1)
      for (const plan of steps) expect(plan).toMatch(/^SEARCH workloads USING COVERING INDEX workloads_by_tenant/)
      expect(steps).toHaveLength('runtime' in filter ? 1 : 0)
    }
  }
})

test('what is to be forgotten is looked for in an index alone', async () => {
  const plans = await plansOf(async (db) => {
    await newestOutdated(db, { count: 1, bytes: 1, endedAfter: 0 })
    await oldest(db, { id: orderedId(), finishedAt: 1 }, 50)
  })
  expect(plans.length).toBe(2)
  for (const plan of plans) expect(plan).toMatch(/workloads USING COVERING INDEX workloads_by_end/)
})

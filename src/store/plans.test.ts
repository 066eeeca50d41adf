/** How statements of the queue find their rows: by its index, however much waits or is kept of the past. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SQLInputValue } from 'node:sqlite'
import { Kysely, type CompiledQuery } from 'kysely'
import { expect, test } from 'vitest'
import { orderedId } from '../base/id.ts'
import { claim } from './claim.ts'
import { exceeded, insertKey } from './keys.ts'
import { migrate } from './migrations.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteDialect, openSqlite } from './sqlite.ts'
import { countWaiting, insert } from './workloads.ts'

test('a claim, a quota and a count of what waits search in the indexes of what is open', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-plans-'))
  const database = openSqlite(join(folder.path, 'vulcan.db'))
  const asked: CompiledQuery[] = []
  const log = ({ query }: { query: CompiledQuery }) => void asked.push(query)
  await using db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database), log })
  await migrate(db)
  const capacity = { vms: 1, starting: 1, cpus: 1, memMib: 1024, overheadMib: 0 }
  await db.transaction().execute(async (trx) => {
    const row = { tenant: 't', runtime: 'python', isolation: 'microvm', priority: 0, cpus: 1, memMib: 64, createdAt: 1 }
    await insert(trx, { ...row, id: orderedId(), labels: {}, spec: '{}' })
    await insertKey(trx, {
      ...{ id: 't', name: 't', hash: 'h', scopes: ['run'], createdAt: 1, expiresAt: undefined },
      quotas: { running: 1, queued: 2 },
    })
    asked.length = 0
    expect(await exceeded(trx, 't', 1)).toBeUndefined()
    const wish = { node: 'n', now: 1, leaseMs: 1, capacity, runtimes: ['python'], most: 1 }
    expect(await claim(trx, wish)).toHaveLength(1)
    await countWaiting(trx)
  })
  const plans = asked
    .filter(({ sql }) => sql.includes('workloads'))
    .flatMap(({ sql, parameters }) =>
      database
        .prepare(`explain query plan ${sql}`)
        .all(...(parameters as SQLInputValue[]))
        .map(({ detail }) => String(detail)),
    )
  const found = plans.filter((step) => /\bworkloads\b/.test(step))
  expect(found.length).toBeGreaterThan(5)
  const indexes = /INDEX (workloads_waiting|workloads_claimed|sqlite_autoindex_workloads_1)\b/
  expect(found.filter((step) => !indexes.test(step))).toEqual([])
})

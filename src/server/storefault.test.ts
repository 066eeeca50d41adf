/** A store that cannot be read: whoever asks is told so, with the step, and the operator's log is too. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { Client } from '../api/client.ts'
import type { VulcanError } from '../api/errors.ts'
import { orderedId } from '../base/id.ts'
import { authorization, testKey, testServer } from './testing.ts'

const tables = ['workloads', 'given', 'idempotency', 'api_keys']

/** Takes the tables out of everybody's sight until it is disposed of. */
function damage(home: string): Disposable {
  const rename = (from: string, to: string) => {
    using database = new DatabaseSync(join(home, 'vulcan.db'))
    database.exec('pragma legacy_alter_table = on')
    for (const table of tables) database.exec(`alter table ${from}${table} rename to ${to}${table}`)
  }
  rename('', 'lost_')
  return { [Symbol.dispose]: () => rename('lost_', '') }
}

test('each route that reads the store says store_failed, what it was about and the step, and logs it', async () => {
  await using server = await testServer()
  using _damaged = damage(server.home)
  const id = orderedId()
  const asked = {
    '/v1/workloads': 'listing workloads',
    '/v1/workloads?status=failed&limit=2': 'listing workloads',
    [`/v1/workloads/${id}`]: 'reading a workload',
    [`/v1/workloads/${id}/logs`]: 'reading a workload',
    [`/v1/workloads/${id}/output/stdout`]: 'reading a workload',
    '/v1/keys': 'listing keys',
    '/v1/stats': 'reading the load',
    '/v1/nodes': 'reading the load',
  }
  for (const [url, what] of Object.entries(asked)) {
    const before = server.logged.length
    const answer = await server.app.inject({ url, headers: authorization })
    expect([url, answer.statusCode]).toEqual([url, 500])
    const detail = expect.stringContaining(`${what}: no such table`) as string
    expect(answer.json(), url).toMatchObject({ code: 'store_failed', step: 'store', detail })
    expect(server.logged.length, url).toBeGreaterThan(before)
  }
  const stranger = { ...authorization, authorization: 'Bearer vk_of_nobody' }
  const refused = await server.app.inject({ url: '/v1/workloads', headers: stranger })
  expect(refused.json()).toMatchObject({
    code: 'store_failed',
    detail: expect.stringContaining('looking a key up') as string,
  })
})

test('an upload that cannot be written says so, is over at once, and is logged', async () => {
  await using server = await testServer()
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 })
  await rm(join(server.home, 'uploads'), { recursive: true })
  const error = await new Client({ url, key: testKey })
    .run({ runtime: 'python' }, new Blob([Buffer.alloc(900_000)]))
    .catch((reason: unknown) => reason as VulcanError)
  expect(error).toMatchObject({
    code: 'store_failed',
    message: expect.stringContaining('writing an upload: ENOENT') as string,
  })
  expect(server.logged).toHaveLength(1)
})

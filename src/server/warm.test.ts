import { afterEach, beforeEach, expect, test } from 'vitest'
import { authorization, testServer, type TestServer } from './testing.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({})
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string) => {
  const answer = await server.app.inject({ method, url, headers: authorization })
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() }
}

const run = async (runtime: string, ...words: string[]) => {
  const code = words.map((word) => `# fake: ${word}`).join('\n')
  const payload = { runtime, code, resources: { mem_mb: 128, disk_mb: 64 } }
  const answer = await server.app.inject({ method: 'POST', url: '/v1/workloads', headers: authorization, payload })
  expect(answer.statusCode, answer.body).toBe(200)
}

test('templates are told with what they are of; one that could not be made says why', async () => {
  expect((await ask('GET', '/v1/templates')).body).toEqual({ templates: [] })
  await run('python', 'template')
  await run('node', 'template no space left')
  const kind = { cpus: 1, mem_mb: 128, disk_mb: 64, nic: true }
  expect((await ask('GET', '/v1/templates')).body).toEqual({
    templates: [
      { runtime: 'python', ...kind, state: 'ready', bytes: 128 << 20, made_at: expect.stringMatching(/Z$/) as string },
      { runtime: 'node', ...kind, state: 'failed', reason: 'no space left' },
    ],
  })
})

test('those of each runtime, as runs have them by default, can be asked for', async () => {
  const { status, body } = await ask('POST', '/v1/templates')
  expect(status).toBe(202)
  expect(body).toMatchObject({
    templates: [
      { runtime: 'python', cpus: 1, mem_mb: 256, disk_mb: 512, nic: true, state: 'ready' },
      { runtime: 'node', mem_mb: 256 },
      { runtime: 'go', mem_mb: 1024 },
    ],
  })
  expect((await ask('GET', '/v1/templates')).body).toEqual(body)
})

test('the pool is told by class, with the memory of what waits, until it is drained', async () => {
  await run('python', 'ready 2')
  const waiting = { runtime: 'python', cpus: 1, mem_mb: 128, disk_mb: 64, network: 'internet' }
  const pool = (await ask('GET', '/v1/pool')).body
  expect(pool).toMatchObject({ classes: [{ ...waiting, ready: 2, slots: 0, wanted: 2 }], mem_mb: { used: 256 } })
  expect((await ask('GET', '/v1/stats')).body).toMatchObject({ pool: { ready: 2, slots: 0 } })
  expect(await ask('DELETE', '/v1/pool')).toEqual({ status: 200, body: { removed: { ready_vms: 2 } } })
  expect((await ask('GET', '/v1/pool')).body).toMatchObject({ classes: [], mem_mb: { used: 0 } })
})

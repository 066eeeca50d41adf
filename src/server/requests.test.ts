/** Who may read what of what was asked for. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tarOf } from '../scheduler/archive/testing.ts'
import { callWith, makeKey } from './callers.ts'
import { testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const tar = tarOf([{ path: 'main.py', content: 'print(1)' }])
const secret = 'hush-hush'
const request = {
  ...{ runtime: 'python', code_archive: tar.toString('base64'), args: [secret], env: { TOKEN: secret } },
  ...{ stdin: secret, input: { secret }, resources: { mem_mb: 64 }, network: 'none' },
}
const read = (key: string, id: string, what = 'request') =>
  callWith(server, key, { url: `/v1/workloads/${id}/${what}`, method: 'GET' })

async function submitted(key: string): Promise<string> {
  const answer = await callWith(server, key, { url: '/v1/workloads', method: 'POST', payload: request })
  return answer.body['id'] as string
}

test('who handed it in, and admin, read all of it and can hand it in again', async () => {
  const { key } = await makeKey(server, { scopes: ['run'] })
  const id = await submitted(key)
  for (const asking of [key, testKey]) {
    const { status, body } = await read(asking, id)
    expect(status).toBe(200)
    const { code_archive: _archive, ...rest } = request
    expect(body).toMatchObject({ request: rest, env_names: ['TOKEN'], withheld: [], archive: { kept: true } })
    const archive = await server.app.inject({
      url: `/v1/workloads/${id}/archive`,
      headers: { authorization: `Bearer ${asking}`, host: 'localhost' },
    })
    expect(archive.rawPayload).toEqual(tar)
    expect(archive.headers['content-disposition']).toContain(`${id}.tar"`)
  }
})

test('input is any JSON, also with names that a careless server would trip over', async () => {
  const input = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'
  const headers = { authorization: `Bearer ${testKey}`, host: 'localhost', 'content-type': 'application/json' }
  const payload = `{"runtime":"python","code":"# fake: print x","input":${input}}`
  const answer = await server.app.inject({ method: 'POST', url: '/v1/workloads', headers, payload })
  expect(answer.statusCode, answer.body).toBe(200)
  const { id } = answer.json<{ id: string }>()
  const kept = await server.app.inject({ method: 'GET', url: `/v1/workloads/${id}/request`, headers })
  expect(kept.body).toContain(`"input":${input}`)
  expect({}).not.toHaveProperty('admin')
})

test('who may read everybody’s records learns limits and names, and nothing that the program was or was given', async () => {
  const id = await submitted((await makeKey(server, { scopes: ['run'] })).key)
  const { key } = await makeKey(server, { scopes: ['run', 'read'] })
  const { status, body } = await read(key, id)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    request: { runtime: 'python', entrypoint: 'main.py', network: 'none', resources: { mem_mb: 64, timeout_s: 30 } },
    env_names: ['TOKEN'],
    withheld: ['args', 'env', 'stdin', 'input'],
  })
  expect(JSON.stringify(body)).not.toContain(secret)
  expect(await read(key, id, 'archive')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

test('who may not see the workload does not learn that there is one', async () => {
  const id = await submitted((await makeKey(server, { scopes: ['run'] })).key)
  const { key } = await makeKey(server, { scopes: ['run'] })
  for (const what of ['request', 'archive']) {
    const refused = await read(key, id, what)
    expect(refused).toMatchObject({ status: 404, body: { code: 'not_found', detail: `there is no workload ${id}` } })
  }
  expect((await callWith(server, '', { url: `/v1/workloads/${id}/request`, method: 'GET' })).status).toBe(401)
})

test('records and listings hold nothing of it', async () => {
  const id = await submitted(testKey)
  for (const url of [`/v1/workloads/${id}`, '/v1/workloads']) {
    expect(JSON.stringify((await callWith(server, testKey, { url, method: 'GET' })).body)).not.toContain(secret)
  }
})

test('what came as code has no archive', async () => {
  const payload = { runtime: 'python', code: '# fake: print x' }
  const { body } = await callWith(server, testKey, { url: '/v1/workloads', method: 'POST', payload })
  const id = body['id'] as string
  expect((await read(testKey, id)).body).toMatchObject({ request: payload })
  expect(await read(testKey, id, 'archive')).toMatchObject({ status: 404, body: { detail: /came as code/ } })
})

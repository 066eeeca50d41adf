import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyRequest } from '../api/keys.ts'
import { Facts } from '../base/facts.ts'
import { callWith, makeKey } from './callers.ts'
import type { Call, ServerFacts } from './facts.ts'
import { authorization, failuresPerMinute, testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let calls: Call[]
let facts: Facts<ServerFacts>
beforeEach(async () => {
  facts = new Facts<ServerFacts>()
  calls = []
  facts.on('call.made', (call) => calls.push(call))
  server = await testServer({ server: { facts } })
  server.metrics.subscribe({ scheduler: new Facts(), server: facts })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const make = (request: Partial<KeyRequest> = {}) => makeKey(server, request)
const ask = (key: string, url: string, method: 'GET' | 'POST' | 'DELETE' = 'GET', payload?: object) =>
  callWith(server, key, { url, method, payload })
const submit = async (key: string, code = '# fake: print x') =>
  ask(key, '/v1/workloads/async', 'POST', { runtime: 'python', code })

describe('every call that changes something is stated', () => {
  test('with who, where, what and how it ended, and no key or body', async () => {
    const { key, id } = await make({ name: 'ci' })
    const workload = (await submit(key, '# fake: print secret')).body['id'] as string
    await server.scheduler.ended(workload, AbortSignal.timeout(5000))
    await ask(key, `/v1/workloads/${workload}`)
    const late = await ask(key, `/v1/workloads/${workload}`, 'DELETE')
    await ask(key, '/v1/leftovers', 'DELETE')
    await submit('vk_wrong')
    expect(calls.map(({ method, route, status, code }) => [method, route, status, code])).toEqual([
      ['POST', '/v1/keys', 201, undefined],
      ['POST', '/v1/workloads/async', 202, undefined],
      ['DELETE', '/v1/workloads/:id', 409, 'already_ended'],
      ['DELETE', '/v1/leftovers', 403, 'forbidden'],
      ['POST', '/v1/workloads/async', 401, 'unauthorized'],
    ])
    expect(calls[0]).toMatchObject({ key: { id: 'local' }, subject: id })
    expect(calls[1]).toMatchObject({ key: { id, name: 'ci' }, subject: workload, address: '127.0.0.1' })
    expect(calls[2]).toMatchObject({ subject: workload, request: late.headers['x-request-id'] })
    expect(calls[4]).not.toHaveProperty('key')
    expect(JSON.stringify(calls)).not.toMatch(/vk_|secret/)
  })

  test('a browser that is let in as well, by whose key and without the link; one with a used link is nobody’s', async () => {
    const { key, id } = await make({ name: 'ci' })
    const { path } = (await ask(key, '/v1/login-links', 'POST')).body as { path: string }
    for (const _use of [1, 2]) await server.app.inject({ url: path, headers: { host: '127.0.0.1:7777' } })
    expect(calls.map(({ method, route, status, key: by }) => [method, route, status, by?.id])).toEqual([
      ['POST', '/v1/keys', 201, 'local'],
      ['POST', '/v1/login-links', 200, id],
      ['GET', '/login', 303, id],
    ])
    expect(JSON.stringify(calls)).not.toContain(path.split('=')[1])
  })

  test('also when its client went away in the middle of it', async () => {
    const url = await server.app.listen({ host: '127.0.0.1', port: 0 })
    const stated = new Promise<Call>((resolve) => facts.on('call.made', resolve))
    const begun = new Promise((resolve) => server.app.server.once('request', resolve))
    const client = connect(Number(new URL(url).port), '127.0.0.1')
    const head = { ...authorization, 'content-type': 'application/json', 'content-length': '1000' }
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
    client.write(`POST /v1/keys HTTP/1.1\r\n${lines.join('')}\r\n{"name`)
    await begun
    client.destroy()
    expect(await stated).toMatchObject({ method: 'POST', route: '/v1/keys' })
    expect(await ask(testKey, '/v1/keys')).toMatchObject({ body: { keys: [] } })
  })

  test('once, when a workload is taken in, whether or not its caller waits; not by those who are made to wait', async () => {
    const stated = new Promise<Call>((resolve) => facts.on('call.made', resolve))
    const waiting = ask(testKey, '/v1/workloads?wait_s=60', 'POST', { runtime: 'python', code: '# fake: sleep 600000' })
    const { subject = '', status } = await stated
    expect(status).toBe(202)
    await server.scheduler.kill(subject)
    expect((await waiting).status).toBe(200)
    for (let n = 0; n < failuresPerMinute + 5; n += 1) await submit('vk_wrong')
    expect(calls).toHaveLength(1 + failuresPerMinute)
  })
})

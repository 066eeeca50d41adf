import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../api/errors.ts'
import type { KeyInfo, KeyRequest } from '../api/keys.ts'
import { Facts } from '../base/facts.ts'
import { sha256 } from '../base/files.ts'
import { orderedId } from '../base/id.ts'
import { Store } from '../store/store.ts'
import { testWorkload } from '../store/testing.ts'
import { bearer, callWith, makeKey } from './callers.ts'
import type { Call, ServerFacts } from './facts.ts'
import { Keyring } from './keyring.ts'
import { Scrape } from './metrics/testing.ts'
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

const refusal = (code: ErrorCode) => ({ body: { code } })

describe('keys', () => {
  test('are made, work, tell when they were used, and work no more once revoked', async () => {
    const { key, ...made } = await make({ name: 'ci' })
    expect(key).toMatch(/^vk_[\w-]{43}$/)
    expect(made).toMatchObject({ name: 'ci', scopes: ['run'], quotas: {} })
    expect((await submit(key)).status).toBe(202)
    const listed = (await ask(testKey, '/v1/keys')).body as { keys: KeyInfo[] }
    expect(listed.keys).toMatchObject([{ id: made.id, name: 'ci' }])
    expect(Date.parse(listed.keys[0]!.last_used_at!)).toBeGreaterThan(0)
    expect(JSON.stringify(listed), 'nobody is told its text or its hash again').not.toMatch(
      new RegExp(`${key}|${sha256(key)}`),
    )
    const first = await ask(testKey, `/v1/keys/${made.id}`, 'DELETE')
    expect(first.body['revoked_at']).toMatch(/^\d{4}-/)
    expect((await ask(testKey, `/v1/keys/${made.id}`, 'DELETE')).body).toEqual(first.body)
    expect(await submit(key)).toMatchObject({ status: 401, body: { code: 'unauthorized', detail: /revoked/ } })
    expect(await ask(testKey, '/v1/keys/nobody', 'DELETE')).toMatchObject(refusal('not_found'))
    expect(await ask(testKey, '/v1/keys/local', 'DELETE')).toMatchObject(refusal('not_found'))
  })

  test.each<[object, string]>([
    [{ name: '' }, '/name'],
    [{ name: 'x', scopes: [] }, '/scopes'],
    [{ name: 'x', scopes: ['root'] }, '/scopes/0'],
    [{ name: 'x', expires_at: 'soon' }, '/expires_at'],
    [{ name: 'x', expires_at: '2020-01-01' }, '/expires_at'],
    [{ name: 'x', expires_at: '2090-02-30' }, '/expires_at'],
    [{ name: 'x', expires_at: '2090-04-31T10:00:00+02:00' }, '/expires_at'],
    [{ name: 'x', expires_at: '2090-12-31T25:00:00Z' }, '/expires_at'],
    [{ name: 'x', expires_at: 'Dec 31 2090' }, '/expires_at'],
    [{ name: 'x', quotas: { running: 0 } }, '/quotas/running'],
    [{ name: 'x', quotas: { dollars: 1 } }, '/quotas/dollars'],
  ])('%j is refused by its field', async (payload, path) => {
    expect(await ask(testKey, '/v1/keys', 'POST', payload)).toMatchObject({ status: 422, body: { errors: [{ path }] } })
  })

  test('expire at their time; their use is written once a minute', async () => {
    const store = await Store.open(server.home)
    let now = Date.now()
    const keyring = new Keyring({ store, localSha256: sha256(testKey), log: () => undefined, now: () => now })
    const { key } = await keyring.make({ name: 'x', expires_at: new Date(now + 150_000).toISOString() })
    const used: number[] = []
    for (const at of [now, now + 59_999, now + 60_000, now + 149_999]) {
      now = at
      expect(await keyring.find(key)).toMatchObject({ name: 'x' })
      // A change of another kind: what was asked for before it is on the disk then.
      await store.renew('nobody', 0)
      used.push((await store.keys())[0]!.lastUsedAt!)
    }
    expect(used.map((at) => at - used[0]!)).toEqual([0, 0, 60_000, 149_999])
    now += 1
    expect(await keyring.find(key)).toBe('expired')
    await store[Symbol.asyncDispose]()
  })
})

describe('scopes', () => {
  test('run: hands in, reads and kills its own, and learns nothing of what is another’s', async () => {
    const [mine, other] = [await make(), await make()]
    const theirs = (await submit(other.key, '# fake: sleep 600000')).body['id'] as string
    const own = (await submit(mine.key, '# fake: sleep 600000')).body['id'] as string
    const list = await ask(mine.key, '/v1/workloads')
    expect((list.body['workloads'] as { id: string }[]).map(({ id }) => id)).toEqual([own])
    const nobodys = orderedId()
    for (const path of ['', '/logs', '/output/stdout']) {
      const [foreign, missing] = await Promise.all(
        [theirs, nobodys].map((id) => ask(mine.key, `/v1/workloads/${id}${path}`)),
      )
      expect(foreign).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(JSON.stringify(foreign!.body).replaceAll(theirs, nobodys)).toBe(JSON.stringify(missing!.body))
    }
    expect(await ask(mine.key, `/v1/workloads/${theirs}`, 'DELETE')).toMatchObject(refusal('not_found'))
    expect(await ask(mine.key, `/v1/workloads/${own}`)).toMatchObject({ status: 200, body: { id: own } })
    expect((await ask(mine.key, `/v1/workloads/${own}`, 'DELETE')).status).toBe(202)
    expect((await server.scheduler.summary(theirs)).status).not.toBe('killed')
  })

  test('read: sees everything and changes nothing, and is told which scope it lacks', async () => {
    const [runner, reader] = [await make(), await make({ name: 'eyes', scopes: ['read'] })]
    const id = (await submit(runner.key, '# fake: sleep 600000')).body['id'] as string
    expect((await ask(reader.key, `/v1/workloads/${id}`)).status).toBe(200)
    expect((await ask(reader.key, '/v1/stats')).status).toBe(200)
    expect(await submit(reader.key)).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: 'the key "eyes" lacks the scope run' },
    })
    const both = await make({ name: 'both', scopes: ['run', 'read'] })
    expect(await ask(both.key, `/v1/workloads/${id}`, 'DELETE')).toMatchObject({
      status: 403,
      body: { detail: 'the key "both" lacks the scope admin' },
    })
    expect(await ask(both.key, `/v1/workloads/${orderedId()}`, 'DELETE')).toMatchObject(refusal('not_found'))
    expect((await ask(testKey, `/v1/workloads/${id}`, 'DELETE')).status).toBe(202)
  })

  test('only admin may make and see keys, and clean up', async () => {
    const { key } = await make({ scopes: ['run', 'read'] })
    for (const [url, method] of [
      ['/v1/keys', 'GET'],
      ['/v1/keys', 'POST'],
      ['/v1/keys/x', 'DELETE'],
      ['/v1/leftovers', 'GET'],
      ['/v1/leftovers', 'DELETE'],
    ] as const) {
      expect(await ask(key, url, method), `${method} ${url}`).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      })
    }
    const admin = await make({ scopes: ['admin'] })
    expect((await ask(admin.key, '/v1/keys')).status).toBe(200)
  })

  test('an idempotency key is one’s own', async () => {
    const [mine, other] = [await make(), await make()]
    const body = { runtime: 'python', code: '# fake: print x', idempotency_key: 'k' }
    const ids = await Promise.all(
      [mine, mine, other].map(async ({ key }) => (await ask(key, '/v1/workloads/async', 'POST', body)).body['id']),
    )
    expect(ids[0]).toBe(ids[1])
    expect(ids[0]).not.toBe(ids[2])
  })
})

describe('quotas', () => {
  test('what is over `running` waits, what is over `queued` is 429 and names it, and others go on', async () => {
    const { key } = await make({ quotas: { running: 1, queued: 1 } })
    const first = (await submit(key, '# fake: print up\n# fake: sleep 600000')).body['id'] as string
    for await (const { kind } of server.scheduler.events(first, 0, AbortSignal.timeout(5000)))
      if (kind === 'stdout') break
    const second = (await submit(key)).body['id'] as string
    const refused = await submit(key)
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded', retry: true, detail: /queued/ } })
    expect(refused.headers['retry-after']).toBe('1')
    const other = await ask(testKey, '/v1/workloads', 'POST', { runtime: 'python', code: '# fake: print x' })
    expect(other.body['status']).toBe('completed')
    expect((await server.scheduler.summary(second)).status).toBe('pending')
    await server.scheduler.kill(first)
    await server.scheduler.ended(second, AbortSignal.timeout(5000))
    expect((await server.scheduler.summary(second)).status).toBe('completed')
  })

  test('what is lost with its vm is charged what that took of the host', async () => {
    const { key } = await make({ quotas: { cpu_seconds: 1 } })
    for (const [ms, status] of [
      [900, 202],
      [200, 202],
      [1, 429],
    ] as const) {
      const { status: got, body } = await submit(key, `# fake: vm_lost ${ms}`)
      expect(got).toBe(status)
      if (status === 202) await server.scheduler.ended(body['id'] as string, AbortSignal.timeout(5000))
    }
  })

  test('processor time that is spent is 429 until midnight, UTC', async () => {
    const { key, id } = await make({ quotas: { cpu_seconds: 1 } })
    const done = (await submit(key)).body['id'] as string
    await server.scheduler.ended(done, AbortSignal.timeout(5000))
    expect((await submit(key)).status).toBe(202)
    const store = await Store.open(server.home)
    const one = testWorkload({ tenant: id, runtime: 'cobol', createdAt: Date.now() })
    await store.insert(one)
    const capacity = { vms: 9, starting: 9, cpus: 9, memMib: 999, diskMib: 1 << 20, overheadMib: 0 }
    const wish = { node: 'other', now: Date.now(), leaseMs: 1e6, capacity, runtimes: ['cobol'], most: 1 }
    const [owned] = (await store.claim(wish)).claimed
    const end = { status: 'completed', at: Date.now(), record: '{}', given: '{}', bytes: 0, cpuMs: 1000 } as const
    await store.finish(owned!, end)
    await store[Symbol.asyncDispose]()
    const refused = await submit(key)
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded', detail: /cpu_seconds/ } })
    const midnight = new Date().setUTCHours(24, 0, 0, 0)
    expect(Date.now() + Number(refused.headers['retry-after']) * 1000).toBeGreaterThanOrEqual(midnight)
  })
})

describe('failures', () => {
  test('are counted by their reason, and too many from one address are made to wait; a valid key never is', async () => {
    const url = '/v1/stats'
    const { key } = await make()
    await ask(key, url)
    await server.app.inject({ url, headers: { host: 'localhost' } })
    await server.app.inject({ url, headers: { ...authorization, host: 'evil.example' } })
    for (let n = 1; n < failuresPerMinute; n += 1) expect((await ask('vk_wrong', url)).status).toBe(401)
    const refused = await ask('vk_wrong', url)
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_failures' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    const elsewhere = { url, headers: bearer('vk_wrong'), remoteAddress: '192.0.2.9' }
    expect((await server.app.inject(elsewhere)).statusCode).toBe(401)
    expect((await ask(testKey, url)).status).toBe(200)
    const seen = new Scrape(await server.metrics.text())
    const count = (reason: string) => seen.sum('vulcan_auth_failures_total', { reason })
    expect(['missing', 'scope', 'origin', 'throttled', 'revoked'].map(count)).toEqual([1, 1, 1, 1, 0])
    expect(count('unknown')).toBe(failuresPerMinute)
  })
})

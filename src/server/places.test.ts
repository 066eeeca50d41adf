/** What an upload has to find before its first byte is read. */
import { once } from 'node:events'
import { mkdtempDisposable, readdir } from 'node:fs/promises'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Client } from '../api/client.ts'
import type { KeyRequest } from '../api/keys.ts'
import { tarOf } from '../scheduler/archive/testing.ts'
import { makeKey } from './callers.ts'
import { Places } from './places.ts'
import { testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let url: string
beforeEach(async () => {
  server = await testServer()
  url = await server.app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await vi.waitFor(async () => expect(await stored()).toEqual([]))
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const stored = () => readdir(join(server.home, 'uploads'))
const keyOf = async (more: Partial<KeyRequest>) => (await makeKey(server, more)).key
const archive = gzipSync(tarOf([{ path: 'main.py', content: 'print(1)' }]))
const body = (spec: string, tail: string) =>
  [
    ...['--b', 'content-disposition: form-data; name="spec"', '', spec, '--b'],
    ...['content-disposition: form-data; name="archive"; filename="a"', '', tail],
  ].join('\r\n')

/** Sends half of an upload; the rest comes only if it is asked for. */
function half(path: string, { key = testKey, spec = '{"runtime":"python"}', bytes = 900_000, headers = {} } = {}) {
  const sent = request(url + path, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${key}`, 'content-type': 'multipart/form-data; boundary=b' },
      ...{ 'content-length': bytes, ...headers },
    },
  })
  sent.write(body(spec, 'half of it'))
  return sent
}

async function answerTo(sent: ClientRequest) {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const problem = JSON.parse(await text(answer)) as { code: string; detail: string }
  sent.on('error', () => undefined).destroy()
  return { status: answer.statusCode, retryAfter: answer.headers['retry-after'], ...problem }
}

describe('is refused with half of its body still to come, and nothing of it stored', () => {
  test.each([
    ['/v1/login-links', 415, 'unsupported_media_type'],
    ['/v1/nothing-here', 404, 'not_found'],
    ['/v1/workloads', 403, 'forbidden'],
  ])('with a key that only reads, at %s', async (path, status, code) => {
    const sent = half(path, { key: await keyOf({ scopes: ['read'] }) })
    expect(await answerTo(sent)).toMatchObject({ status, code })
    expect(await stored()).toEqual([])
  })

  test('where the body is a form of JSON alone', async () => {
    const answer = await answerTo(half('/v1/keys', { spec: '{"name":"python"}' }))
    expect(answer).toMatchObject({ status: 415, detail: expect.stringContaining('takes application/json') as string })
    expect(
      (await server.app.inject({ url: '/v1/keys', headers: { authorization: `Bearer ${testKey}` } })).json(),
    ).toEqual({
      keys: [],
    })
  })

  test('while as many of its key arrive as may wait; another key is not held up, and the next one has the place', async () => {
    const key = await keyOf({ quotas: { queued: 1 } })
    const first = half('/v1/workloads', { key })
    await vi.waitFor(async () => expect(await stored()).toHaveLength(1))
    expect(await answerTo(half('/v1/workloads', { key }))).toMatchObject({
      status: 429,
      code: 'quota_exceeded',
      retryAfter: '1',
    })
    const other = new Client({ url, key: await keyOf({}) })
    await other.run({ runtime: 'python' }, new Blob([archive]))
    first.on('error', () => undefined).destroy()
    await vi.waitFor(async () => expect(await stored()).toEqual([]))
    const record = await new Client({ url, key }).run({ runtime: 'python' }, new Blob([archive]))
    expect(record.status).toBe('completed')
  })

  test('with a quota that is used up; what its idempotency key has made is answered', async () => {
    const key = await keyOf({ quotas: { cpu_seconds: 1 } })
    const client = new Client({ url, key })
    const asked = { runtime: 'python', idempotency_key: 'once' }
    const { id } = await client.run(asked, new Blob([archive]))
    await client.run({ runtime: 'python', code: '# fake: vm_lost 2000' })
    expect(await answerTo(half('/v1/workloads', { key }))).toMatchObject({ status: 429, code: 'quota_exceeded' })
    expect(await stored()).toEqual([])
    expect((await client.run(asked, new Blob([archive]))).id).toBe(id)
    const { status } = await fetch(`${url}/v1/workloads`, {
      ...{ method: 'POST', body: formOf({ runtime: 'python' }) },
      headers: { authorization: `Bearer ${key}`, 'idempotency-key': 'once' },
    })
    expect(status).toBe(200)
  })
})

function formOf(spec: object): FormData {
  const form = new FormData()
  form.set('spec', JSON.stringify(spec))
  form.set('archive', new Blob([archive]))
  return form
}

describe('places', () => {
  test('are few for each key and in all, and come back once', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-places-'))
    const places = new Places(folder.path)
    const take = (id: string) => places.take({ id, quotas: {} }, 1)
    const held = await Promise.all(Array.from({ length: 64 }, (_, at) => take(`key ${at % 4}`)))
    await expect(take('key 1')).rejects.toMatchObject({ code: 'quota_exceeded', retryAfterS: 1 })
    await expect(take('key 5')).rejects.toMatchObject({ code: 'overloaded' })
    held[0]![Symbol.dispose]()
    held[0]![Symbol.dispose]()
    await take('key 5')
    await expect(take('key 5')).rejects.toMatchObject({ code: 'overloaded' })
  })

  test('are none where the disk has no room for what may come, beside what comes already', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-places-'))
    const places = new Places(folder.path)
    const whole = 2 ** 60
    await expect(places.take({ id: 'one', quotas: {} }, whole)).rejects.toMatchObject({ code: 'host_unfit' })
    const held = await places.take({ id: 'one', quotas: { queued: 1 } }, 1)
    await expect(places.take({ id: 'other', quotas: {} }, whole)).rejects.toThrow(/MiB left/)
    held[Symbol.dispose]()
    await places.take({ id: 'one', quotas: { queued: 1 } }, 1)
  })
})

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Client } from '../api/client.ts'
import type { VulcanError } from '../api/errors.ts'
import { tarOf } from '../scheduler/archive/testing.ts'
import { testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let client: Client
let url: string
beforeEach(async () => {
  server = await testServer()
  url = await server.app.listen({ host: '127.0.0.1', port: 0 })
  client = new Client({ url, key: testKey })
})
afterEach(async () => {
  const left = await readdir(join(server.home, 'uploads'))
  await server[Symbol.asyncDispose]()
  expect({ left, logged: server.logged }).toEqual({ left: [], logged: [] })
})

const main = { path: 'main.py', content: 'print(1)' }
const fault = async (work: Promise<unknown>): Promise<VulcanError> =>
  work.catch((error: unknown) => error as VulcanError) as Promise<VulcanError>

test('an uploaded archive is inspected, run and kept as long as its record', async () => {
  const record = await client.run({ runtime: 'python' }, new Blob([gzipSync(tarOf([main]))]))
  expect(record).toMatchObject({ status: 'completed', stdout: 'tar.gz main.py\n' })
  expect(await readdir(join(server.home, 'runs', record.id))).toEqual(['archive', 'events.log'])
})

test('the same archive in base64, and a name for its entry point', async () => {
  const archive = tarOf([main, { path: 'lib/other.py', content: 'x' }]).toString('base64')
  expect((await client.run({ runtime: 'python', code_archive: archive })).stdout).toBe('tar main.py\n')
  const other = await client.run({ runtime: 'python', code_archive: archive, entrypoint: './lib/other.py' })
  expect(other.stdout).toBe('tar lib/other.py\n')
  expect(await fault(client.run({ runtime: 'python', code_archive: archive, entrypoint: 'nope.py' }))).toMatchObject({
    code: 'entrypoint_missing',
    field: '/entrypoint',
  })
})

test('an archive of no bytes in base64 is refused as what it is', async () => {
  expect(await fault(client.run({ runtime: 'python', code_archive: '' }))).toMatchObject({
    code: 'archive_corrupt',
    field: '/code_archive',
  })
})

test('an archive over the limit is 413 and leaves nothing, however long the client sends', async () => {
  const error = await fault(client.run({ runtime: 'python' }, new Blob([Buffer.alloc(20 << 20)])))
  expect(error).toMatchObject({ code: 'archive_too_large', status: 413 })
  expect(await readdir(join(server.home, 'runs'))).toEqual([])
})

test.each([
  ['corrupt', Buffer.from('no archive at all'.repeat(100)), 'archive_corrupt'],
  ['empty', Buffer.alloc(0), 'archive_corrupt'],
  ['cut short', gzipSync(tarOf([{ path: 'main.py', content: 'x'.repeat(5000) }])).subarray(0, 60), 'archive_corrupt'],
  ['hostile', tarOf([main, { path: '../../etc/cron.d/x', content: 'x' }]), 'archive_unsafe'],
  [
    'a bomb',
    gzipSync(Buffer.concat([tarOf([{ path: 'zeros', content: '0'.repeat(60 << 20) }])]), { level: 9 }),
    'archive_too_large',
  ],
])('an archive that is %s is refused and leaves nothing', async (_, bytes, code) => {
  const error = await fault(client.run({ runtime: 'python', resources: { disk_mb: 50 } }, new Blob([bytes])))
  expect(error).toMatchObject({ code, field: '/archive' })
  const inBody = { runtime: 'python', code_archive: bytes.toString('base64'), resources: { disk_mb: 50 } }
  expect(await fault(client.run(inBody))).toMatchObject({ code, field: '/code_archive' })
  expect(await readdir(join(server.home, 'runs'))).toEqual([])
  expect(await server.scheduler.summaries({ limit: 1 })).toEqual([])
})

async function send(form: FormData) {
  const response = await fetch(`${url}/v1/workloads`, {
    method: 'POST',
    body: form,
    headers: { authorization: `Bearer ${testKey}` },
  })
  return (await response.json()) as object
}

test('parts: a missing spec, one that is no JSON, a stranger, two sources, and spec as a file', async () => {
  const form = (parts: Record<string, string | Blob>) => {
    const data = new FormData()
    for (const [name, value] of Object.entries(parts)) data.set(name, value)
    return data
  }
  const archive = new Blob([tarOf([main])])
  expect(await send(form({ archive }))).toMatchObject({ code: 'invalid_request' })
  expect(await send(form({ spec: '{', archive }))).toMatchObject({ code: 'invalid_request' })
  expect(await send(form({ spec: '{"runtime":"python"}', other: archive }))).toMatchObject({ code: 'invalid_request' })
  expect(await send(form({ spec: '{"runtime":"python","code":"x"}', archive }))).toMatchObject({
    errors: [{ path: '/archive' }],
  })
  expect(await send(form({ spec: '{"runtime":"python","colour":1}', archive }))).toMatchObject({
    errors: [{ path: '/colour' }],
  })
  expect(await send(form({ archive, spec: new Blob(['{"runtime":"python"}']) }))).toMatchObject({ status: 'completed' })
})

test('a spec that calls itself JSON, as clients made from the document send it; one that comes twice', async () => {
  const post = async (...parts: readonly string[]) => {
    const payload = [...parts.map((part) => `--b\r\n${part}\r\n`), '--b--\r\n'].join('')
    const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'multipart/form-data; boundary=b' }
    const response = await server.app.inject({ method: 'POST', url: '/v1/workloads', headers, payload })
    return response.json<object>()
  }
  const json = (words: string) =>
    `content-disposition: form-data; name="spec"\r\ncontent-type: application/json\r\n\r\n${words}`
  const good = '{"runtime":"python","code":"# fake: print a"}'
  expect(await post(json(good))).toMatchObject({ status: 'completed', stdout: 'a\n' })
  expect(await post(json('{'))).toMatchObject({ status: 400, code: 'invalid_request' })
  expect(await post(json('"x"'))).toMatchObject({ status: 400, code: 'invalid_request' })
  expect(await post(json('[]'))).toMatchObject({ status: 422, code: 'invalid_field' })
  expect(await post(json(good), json(good))).toMatchObject({ status: 400, code: 'invalid_request' })
  expect(await post('content-disposition: form-data\r\n\r\nx')).toMatchObject({ status: 400, code: 'invalid_request' })
})

test('the body of a spec may be as large as a JSON body, and no larger', async () => {
  const data = new FormData()
  data.set('spec', JSON.stringify({ runtime: 'python', code: 'x'.repeat(2 << 20) }))
  expect(await send(data)).toMatchObject({ code: 'body_too_large', status: 413 })
})

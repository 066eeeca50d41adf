import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, brotliCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorization, testServer, type TestServer } from './testing.ts'

let folder: string
let server: TestServer
const script = 'console.log(1)\n'
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vulcan-dashboard-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<meta property="csp-nonce" nonce="__NONCE__">')
  await writeFile(join(folder, 'secret'), 'outside')
  await writeFile(join(folder, 'assets', 'main-1a2b.js'), script)
  await writeFile(join(folder, 'assets', 'main-1a2b.js.br'), brotliCompressSync(script))
  server = await testServer({ server: { dashboard: folder } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
  expect(server.logged).toEqual([])
})

const html = { host: 'localhost', accept: 'text/html,*/*' }
const get = (url: string, headers: Record<string, string> = html) => server.app.inject({ url, headers })

test.each(['/', '/workloads', '/workloads/0190/inside', '/nowhere?x=1'])(
  '%s is the page, for everybody',
  async (url) => {
    const response = await get(url)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(response.headers['cache-control']).toBe('no-cache')
  },
)

test('at / it is sent to everybody, whatever they say that they take, and no key is asked for', async () => {
  for (const accept of ['*/*', 'application/json', undefined]) {
    const headers = { host: 'localhost', ...(accept !== undefined && { accept }) }
    const page = await get('/?login=failed', headers)
    expect(page, accept).toMatchObject({ statusCode: 200, body: expect.stringContaining('csp-nonce') as string })
    const head = await server.app.inject({ method: 'HEAD', url: '/', headers })
    expect(head, accept).toMatchObject({ statusCode: 200, body: '' })
    expect(head.headers['content-type']).toBe('text/html; charset=utf-8')
  }
  const posted = await server.app.inject({ method: 'POST', url: '/', headers: authorization })
  expect(posted).toMatchObject({ statusCode: 405, headers: { allow: 'GET, HEAD' } })
})

test('the page forbids what is not ours, and every answer has a nonce of its own', async () => {
  const [one, other] = await Promise.all([get('/'), get('/')])
  const policy = String(one.headers['content-security-policy'])
  expect(policy).toContain("default-src 'none'; script-src 'self';")
  expect(policy).not.toContain('unsafe')
  const nonce = /nonce="([^"]+)"/.exec(one.body)?.[1]
  expect(policy).toContain(`'nonce-${nonce}'`)
  expect(one.body).not.toBe(other.body)
})

test('files are named by their content: kept for ever, sent as they were compressed', async () => {
  const response = await get('/assets/main-1a2b.js', { host: 'localhost', 'accept-encoding': 'br' })
  expect(response.statusCode).toBe(200)
  expect(response.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  expect(response.headers['content-encoding']).toBe('br')
  expect(response.headers['content-type']).toContain('javascript')
  expect(brotliDecompressSync(response.rawPayload).toString()).toBe(script)
  expect((await get('/assets/main-1a2b.js', { host: 'localhost' })).body).toBe(script)
})

test('nothing else of the disk is sent, and no file that there is not is the page', async () => {
  for (const url of ['/assets/absent.js', '/assets/..%2fsecret', '/assets/%2e%2e/secret', '/assets/..%2findex.html']) {
    const response = await get(url, { ...authorization })
    expect(response.statusCode, url).toBeGreaterThanOrEqual(400)
    expect(response.body, url).not.toContain('outside')
  }
})

test('the API stays shut: a browser that asks for data without a session gets a problem, not a page', async () => {
  for (const url of ['/v1/workloads', '/v1/nothing', '/metrics', '/openapi.json']) {
    expect((await get(url)).json(), url).toMatchObject({ code: 'unauthorized' })
  }
  expect((await get('/nothing', { host: 'localhost' })).json()).toMatchObject({ code: 'unauthorized' })
  expect((await get('/', { host: 'evil.example', accept: 'text/html' })).json()).toMatchObject({
    code: 'forbidden_origin',
  })
  const post = await server.app.inject({ method: 'POST', url: '/workloads', headers: html })
  expect(post.json()).toMatchObject({ code: 'unauthorized' })
})

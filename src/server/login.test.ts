import { mkdtempDisposable, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LoginLink } from '../api/state.ts'
import { Sessions } from './sessions.ts'
import { authorization, testServer, type TestServer } from './testing.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const host = '127.0.0.1:7777'
const origin = `http://${host}`

async function link(headers: Record<string, string> = authorization): Promise<LoginLink> {
  return (await server.app.inject({ method: 'POST', url: '/v1/login-links', headers })).json()
}

/** Opens a link as a browser does; gives back the cookie, if there is one. */
async function open(path: string): Promise<{ cookie: string | undefined; location: string; attributes: string }> {
  const response = await server.app.inject({ url: path, headers: { host } })
  expect(response.statusCode).toBe(303)
  const set = String(response.headers['set-cookie'] ?? '')
  const [cookie, ...attributes] = set.split('; ')
  return { cookie: cookie || undefined, location: response.headers.location!, attributes: attributes.join('; ') }
}

const get = (cookie: string, more: Record<string, string> = {}, url = '/v1/workloads') =>
  server.app.inject({ url, headers: { host, cookie, ...more } })

test('a link lets one browser in, once; the cookie is out of reach of scripts and other sites', async () => {
  const { path, expires_at } = await link()
  expect(Date.parse(expires_at)).toBeGreaterThan(Date.now())
  const { cookie, location, attributes } = await open(path)
  expect(location).toBe('/')
  expect(attributes).toBe('Max-Age=43200; Path=/; HttpOnly; SameSite=Strict')
  expect((await get(cookie!)).statusCode).toBe(200)
  expect(await open(path)).toMatchObject({ cookie: undefined, location: '/?login=failed' })
  expect(await open('/login')).toMatchObject({ cookie: undefined })
})

test('only a key makes links: neither a stranger nor a session can', async () => {
  expect((await server.app.inject({ method: 'POST', url: '/v1/login-links', headers: { host } })).statusCode).toBe(401)
  const { cookie } = await open((await link()).path)
  const made = await server.app.inject({
    method: 'POST',
    url: '/v1/login-links',
    headers: { host, cookie: cookie!, origin },
  })
  expect(made.statusCode).toBe(401)
  for (const url of ['/v1/login-links/', '/v1/login-links?']) {
    const other = await server.app.inject({ method: 'POST', url, headers: { host, cookie: cookie!, origin } })
    expect(other.statusCode, url).toBe(401)
  }
})

test('a session answers to our own page alone, not to another port of the same host', async () => {
  const { cookie = '' } = await open((await link()).path)
  expect((await get(cookie, { 'sec-fetch-site': 'same-origin' })).statusCode).toBe(200)
  expect((await get(cookie, { 'sec-fetch-site': 'none' })).statusCode).toBe(200)
  expect((await get(cookie, { 'sec-fetch-site': 'same-site' })).statusCode).toBe(401)
  expect((await get(cookie, { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(401)
  expect((await get(cookie, { origin: 'http://127.0.0.1:8888' })).statusCode).toBe(403)
  expect((await get('vulcan_session_7777=guess')).statusCode).toBe(401)
  expect((await get(cookie.replace('7777', '8888'))).statusCode).toBe(401)
})

test('what changes something must come from our origin', async () => {
  const { cookie = '' } = await open((await link()).path)
  const post = (more: Record<string, string>) =>
    server.app.inject({
      method: 'POST',
      url: '/v1/workloads',
      headers: { host, cookie, ...more },
      payload: { runtime: 'python', code: '# fake: print a' },
    })
  expect((await post({})).statusCode).toBe(401)
  expect((await post({ 'sec-fetch-site': 'same-site' })).statusCode).toBe(401)
  expect((await post({ 'sec-fetch-site': 'none' })).statusCode).toBe(401)
  expect((await post({ origin: 'http://evil.example' })).statusCode).toBe(403)
  expect((await post({ origin })).statusCode).toBe(200)
  expect((await post({ origin, 'sec-fetch-site': 'same-origin' })).statusCode).toBe(200)
})

test('a session may do what its key may, for as long as that is valid', async () => {
  const make = (scopes: string[]) =>
    server.app.inject({ method: 'POST', url: '/v1/keys', headers: authorization, payload: { name: 'one', scopes } })
  const { id, key } = (await make(['run'])).json<{ id: string; key: string }>()
  const { cookie = '' } = await open((await link({ authorization: `Bearer ${key}`, host })).path)
  expect((await get(cookie)).statusCode).toBe(200)
  expect((await get(cookie, {}, '/v1/stats')).json()).toMatchObject({ code: 'forbidden' })
  await server.app.inject({ method: 'DELETE', url: `/v1/keys/${id}`, headers: authorization })
  expect((await get(cookie)).json()).toMatchObject({ code: 'unauthorized' })
})

test('links last two minutes, sessions twelve hours and over a restart, in a file for nobody else', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-sessions-'))
  let now = 1_000_000
  const sessions = new Sessions(folder.path, () => now)
  const late = sessions.link('key').token
  now += 2 * 60_000
  expect(await sessions.redeem(late)).toBeUndefined()
  const id = await sessions.redeem(sessions.link('key').token)
  const next = new Sessions(folder.path, () => now)
  expect(next.keyOf(id!)).toBe('key')
  expect((await stat(join(folder.path, 'sessions.json'))).mode & 0o777).toBe(0o600)
  now += 12 * 3600_000
  expect(next.keyOf(id!)).toBeUndefined()
})

test('of two who use a link at once one gets in, and the oldest session of a key gives way when it has many', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-sessions-'))
  const sessions = new Sessions(folder.path)
  const { token } = sessions.link('key')
  const both = await Promise.all([sessions.redeem(token), sessions.redeem(token)])
  expect(both.filter((id) => id !== undefined)).toHaveLength(1)
  const first = both.find((id) => id !== undefined)!
  for (let more = 0; more < 64; more += 1) await sessions.redeem(sessions.link('key').token)
  expect(sessions.keyOf(first)).toBeUndefined()
})

test('no key logs out whoever came in by another, or voids its links', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-sessions-'))
  const sessions = new Sessions(folder.path)
  const mine = await sessions.redeem(sessions.link('mine').token)
  const link = sessions.link('mine').token
  for (let more = 0; more < 100; more += 1) await sessions.redeem(sessions.link('other').token)
  for (let more = 0; more < 100; more += 1) sessions.link('other')
  expect(sessions.keyOf(mine!)).toBe('mine')
  expect(await sessions.redeem(link)).toBeDefined()
})

test('where all keys together have too many, one more is refused, and one’s own still gives way to it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-sessions-'))
  let now = 1_000_000
  const sessions = new Sessions(folder.path, () => now)
  const { token } = sessions.link('key 0')
  for (let more = 1; more < 1024; more += 1) sessions.link(`key ${more % 16}`)
  expect(() => sessions.link('key 16')).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterS: 120 }))
  sessions.link('key 0')
  expect(await sessions.redeem(token), 'it was the oldest of its own').toBeUndefined()
  now += 2 * 60_000
  expect(sessions.link('key 16').token).toBeDefined()
})

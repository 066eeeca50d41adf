/** A server behind a reverse proxy that it was told to trust, and others that speak as if they were one. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LoginLink } from '../api/state.ts'
import { Facts } from '../base/facts.ts'
import type { Call, ServerFacts } from './facts.ts'
import { authorization, failuresPerMinute, testServer, type TestServer } from './testing.ts'

const proxy = '10.1.2.3'
const host = '10.9.9.9'
let server: TestServer
let calls: Call[]
beforeEach(async () => {
  const facts = new Facts<ServerFacts>()
  calls = []
  facts.on('call.made', (call) => calls.push(call))
  server = await testServer({ server: { facts, trustedProxies: [proxy, '192.168.7.0/24', '2001:db8::/32'] } })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

interface Asking {
  /** Whose connection it is. */
  readonly from: string
  /** X-Forwarded-For. */
  readonly by?: string
  readonly headers?: Readonly<Record<string, string>>
}

const clean = ({ from, by, headers = authorization }: Asking) =>
  server.app.inject({
    method: 'DELETE',
    url: '/v1/leftovers',
    remoteAddress: from,
    headers: { ...headers, ...(by !== undefined && { 'x-forwarded-for': by }) },
  })

test('the audit log has the address of who speaks, believed from a trusted proxy alone', async () => {
  await clean({ from: proxy, by: '203.0.113.9' })
  await clean({ from: `::ffff:${proxy}`, by: '203.0.113.9' })
  await clean({ from: '2001:db8::1', by: '203.0.113.9, 192.168.7.44' })
  await clean({ from: proxy, by: '127.0.0.1, 203.0.113.9' })
  await clean({ from: proxy })
  await clean({ from: '10.1.2.4', by: '203.0.113.9' })
  const client = '203.0.113.9'
  expect(calls.map(({ address }) => address)).toEqual([client, client, client, client, proxy, '10.1.2.4'])
})

test('who fails too often is shut out behind the proxy, and others behind it are not', async () => {
  const stranger = { from: proxy, by: '203.0.113.9', headers: { host } }
  for (let n = 0; n < failuresPerMinute; n += 1) expect((await clean(stranger)).statusCode).toBe(401)
  expect((await clean(stranger)).json()).toMatchObject({ code: 'too_many_failures' })
  // What a client puts before its own address is no way around.
  expect((await clean({ ...stranger, by: '198.51.100.7, 203.0.113.9' })).statusCode).toBe(429)
  expect((await clean({ ...stranger, by: '198.51.100.7' })).statusCode).toBe(401)
})

test('over TLS, says the proxy: only pages from there are our own, and the cookie stays there', async () => {
  const ask = async (from: string, headers: Record<string, string>) =>
    (await clean({ from, headers: { ...authorization, host, ...headers } })).statusCode
  const tls = { 'x-forwarded-proto': 'https' }
  expect(await ask(proxy, { ...tls, origin: `https://${host}` })).toBe(200)
  expect(await ask(proxy, { ...tls, origin: `http://${host}` })).toBe(403)
  expect(await ask('10.1.2.4', { ...tls, origin: `http://${host}` })).toBe(200)
  expect(await ask(proxy, { ...tls, 'x-forwarded-host': 'evil.example', origin: 'https://evil.example' })).toBe(403)
  expect(await ask(proxy, { ...tls, 'x-forwarded-host': host, host: 'evil.example' })).toBe(403)

  const cookieTo = async (from: string) => {
    const made = await server.app.inject({ method: 'POST', url: '/v1/login-links', headers: authorization })
    const { path } = made.json<LoginLink>()
    return (await server.app.inject({ url: path, remoteAddress: from, headers: { host, ...tls } })).headers[
      'set-cookie'
    ]
  }
  expect(await cookieTo(proxy)).toMatch(/; SameSite=Strict; Secure$/)
  expect(await cookieTo('10.1.2.4')).toMatch(/; SameSite=Strict$/)
})

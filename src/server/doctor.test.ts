import { expect, test } from 'vitest'
import type { HostCheck } from '../api/doctor.ts'
import { authorization, testServer } from './testing.ts'

const check: HostCheck = {
  name: 'nftables',
  ok: false,
  required: true,
  found: 'not found',
  why: 'network modes are rules of nftables',
  mend: 'apt-get install -y nftables',
}

test('the host is judged once for all who ask within a minute, and again when that failed', async () => {
  let looks = 0
  const diagnose = async () => {
    looks += 1
    if (looks === 1) throw new Error('no hand free')
    return [check]
  }
  await using server = await testServer({ server: { diagnose } })
  const ask = () => server.app.inject({ url: '/v1/doctor', headers: authorization })
  expect((await ask()).statusCode).toBe(500)
  const answers = await Promise.all([ask(), ask()])
  answers.push(await ask())
  expect(looks).toBe(2)
  for (const answer of answers) expect(answer.json()).toMatchObject({ node: 'test', checks: [check] })
  expect(server.logged).toHaveLength(1)
})

test('how a host is, is not for keys that only run', async () => {
  await using server = await testServer({})
  const payload = { name: 'a', scopes: ['run'] }
  const made = await server.app.inject({ method: 'POST', url: '/v1/keys', headers: authorization, payload })
  const headers = { authorization: `Bearer ${made.json<{ key: string }>().key}` }
  for (const url of ['/v1/doctor', '/v1/pool', '/v1/templates']) {
    expect((await server.app.inject({ url, headers })).statusCode, url).toBe(403)
  }
})

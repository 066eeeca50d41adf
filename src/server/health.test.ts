import { expect, test } from 'vitest'
import { isProof, newChallenge } from '../base/proof.ts'
import { testSecret, testServer } from './testing.ts'

test('who asks whether it lives may have it prove that it knows the secret of its home', async () => {
  await using server = await testServer()
  const get = (url: string, headers: Record<string, string>) => server.app.inject({ method: 'GET', url, headers })
  const challenge = newChallenge()
  const { proof } = (await get(`/healthz?challenge=${challenge}`, { host: 'localhost' })).json<{ proof: unknown }>()
  expect(isProof(proof, { secret: testSecret, challenge })).toBe(true)
  expect((await get('/healthz', { host: 'localhost' })).json()).not.toHaveProperty('proof')
  expect((await get('/healthz?challenge=short', { host: 'localhost' })).statusCode).toBe(422)
})

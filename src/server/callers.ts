/** For tests: keys made and calls made with them. */
import { expect } from 'vitest'
import type { KeyRequest, NewKey } from '../api/keys.ts'
import { authorization, type TestServer } from './testing.ts'

export const bearer = (key: string) => ({ host: 'localhost', authorization: `Bearer ${key}` })

export async function makeKey(server: TestServer, request: Partial<KeyRequest> = {}): Promise<NewKey> {
  const payload = { name: 'a key', ...request }
  const made = await server.app.inject({ method: 'POST', url: '/v1/keys', headers: authorization, payload })
  expect(made.statusCode, made.body).toBe(201)
  expect(made.headers['cache-control']).toBe('no-store')
  return made.json()
}

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly payload?: object | undefined
}

export async function callWith(
  server: TestServer,
  key: string,
  { url, method = 'GET', payload }: Call & { url: string },
) {
  const answer = await server.app.inject({ method, url, headers: bearer(key), ...(payload && { payload }) })
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() }
}

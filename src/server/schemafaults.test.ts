/** What is told of requests that do not fit, in words. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Problem } from '../api/problem.ts'
import { unlike } from './schemafaults.ts'
import { authorization, testServer, type TestServer } from './testing.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

async function told(more: object, url = '/v1/workloads') {
  const answer = await server.app.inject({ method: 'POST', url, headers: authorization, ...more })
  const { status, detail } = answer.json<Problem>()
  return { status, detail }
}

test.each([
  [{ labels: { '': 'x' } }, '/labels/ is a label whose name is empty or holds ='],
  [{ labels: { 'a=b': 'x' } }, '/labels/a=b is a label whose name is empty or holds ='],
  [{ network: { mode: 'none', alow: [] } }, '/network/alow is not a known field'],
  [{ network: { mode: 'none', allow: [''] } }, '/network/allow/0 must NOT have fewer than 1 characters'],
  [{ network: 'nothing' }, '/network must be one of none, host, internet'],
  [{ network: 5 }, '/network must be string or object'],
  [
    { network: { mode: 'moon' }, colour: 1 },
    '/colour is not a known field; /network/mode must be one of none, host, internet',
  ],
  [{ args: ['\0'] }, '/args/0 holds a NUL character'],
])('%j: %s', async (fields, detail) => {
  expect(await told({ payload: { runtime: 'python', code: 'x', ...fields } })).toEqual({ status: 422, detail })
})

test.each([
  ['cursor=first', '/querystring/cursor is not the next_cursor of a page'],
  ['label=plain', '/querystring/label is not name=value'],
])('?%s: %s', async (query, detail) => {
  expect(await told({ method: 'GET' }, `/v1/workloads?${query}`)).toEqual({ status: 422, detail })
})

test('every pattern of a request has its words', () => {
  const patterns = JSON.stringify(server.app.swagger()).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)
  const ofEvents = '^[1-9][0-9]*$'
  const known = new Set([...Object.keys(unlike), ofEvents])
  expect([...patterns].map(([, text = '']) => JSON.parse(text) as string).filter((one) => !known.has(one))).toEqual([])
})

test.each([
  ['text/plain', 'the body came as "text/plain"; POST /v1/workloads takes application/json or multipart/form-data'],
  [undefined, 'the body came without a content-type; POST /v1/workloads takes application/json or multipart/form-data'],
])('a body as %s: what came, and what is taken', async (type, detail) => {
  const headers = { ...authorization, ...(type !== undefined && { 'content-type': type }) }
  expect(await told({ headers, payload: 'x' })).toEqual({ status: 415, detail })
})

test('a body where none is taken', async () => {
  const headers = { ...authorization, 'content-type': 'text/plain' }
  const detail = 'the body came as "text/plain"; DELETE /v1/pool takes no body'
  expect(await told({ method: 'DELETE', headers, payload: 'x' }, '/v1/pool')).toEqual({ status: 415, detail })
})

test('JSON that does not parse: where it stops to be JSON', async () => {
  const headers = { ...authorization, 'content-type': 'application/json' }
  const { status, detail } = await told({ headers, payload: '{"runtime": python}' })
  expect(status).toBe(400)
  expect(detail).toMatch(/^the body is not JSON: Unexpected token 'p'/)
  expect((await told({ headers, payload: '{"a":1,}' })).detail).toContain('position 7')
})

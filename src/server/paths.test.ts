import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorization, testServer, type TestServer } from './testing.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const inject = (method: string, url: string, more: object = {}) =>
  server.app.inject({ method: method as 'GET', url, headers: authorization, ...more })

describe('a slash behind a path', () => {
  test.each([
    ['GET', '/v1/workloads/', 200],
    ['GET', '/v1/workloads/?limit=1', 200],
    ['GET', '/docs/', 200],
    ['GET', '/docs/start.js', 200],
    ['GET', '/v1/stats/', 200],
    ['POST', '/v1/workloads/', 422],
  ])('%s %s is as without it', async (method, url, status) => {
    expect((await inject(method, url, method === 'POST' ? { payload: {} } : {})).statusCode).toBe(status)
  })

  test('changes nothing of who is let in', async () => {
    const ask = async (method: 'GET' | 'POST', url: string) =>
      (await server.app.inject({ method, url, headers: { host: 'localhost' } })).statusCode
    expect(await ask('GET', '/healthz/')).toBe(200)
    expect(await ask('GET', '/login/')).toBe(303)
    expect(await ask('GET', '/v1/stats/')).toBe(401)
    expect(await ask('POST', '/v1/login-links/')).toBe(401)
  })

  test('an id of nothing is named', async () => {
    const problem = (await inject('GET', '/v1/workloads//logs')).json<object>()
    expect(problem).toMatchObject({ status: 422, errors: [{ path: '/params/id' }] })
  })
})

/** What inject hides: methods, media, limits and half a request, on a real socket where it takes one. */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { hasEnded, type WorkloadPage } from '../api/workload.ts'
import { authorization, testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let port: number
beforeEach(async () => {
  server = await testServer({ server: { stallMs: 100 } })
  await server.app.listen({ host: '127.0.0.1', port: 0 })
  port = (server.app.server.address() as { port: number }).port
})
afterEach(async () => {
  // Of a client that went away nobody hears when it was tidied up after.
  await vi.waitFor(async () => expect(await readdir(join(server.home, 'uploads'))).toEqual([]))
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const inject = async (method: string, url: string, more: object = {}) => {
  const response = await server.app.inject({ method: method as 'GET', url, headers: authorization, ...more })
  return { ...response, status: response.statusCode, headers: response.headers, body: response.body }
}
const problemOf = (body: string) => JSON.parse(body) as { status: number; code: string; errors?: { path: string }[] }

/** What the server says to those bytes, up to the end of the connection. */
async function say(...parts: readonly string[]): Promise<{ head: string; body: string }> {
  const socket = opened()
  for (const part of parts) socket.write(part)
  const [head = '', ...body] = (await text(socket)).split('\r\n\r\n')
  return { head, body: body.join('\r\n\r\n') }
}
function opened(): Socket {
  return connect({ port, host: '127.0.0.1' })
}
const head = (line: string, ...headers: readonly string[]) =>
  [`${line} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${testKey}`, ...headers, '', ''].join('\r\n')

describe('methods', () => {
  test.each([
    ['PUT', '/v1/workloads', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/workloads', 'GET, HEAD, POST'],
    ['PATCH', '/v1/workloads/x', 'DELETE, GET, HEAD'],
    ['HEAD', '/v1/workloads/x/logs', 'GET'],
    ['HEAD', '/v1/workloads/x/output/stdout', 'GET'],
    ['DELETE', '/v1/stats', 'GET, HEAD'],
    ['GET', '/v1/workloads/async', 'POST'],
    ['TRACE', '/healthz', 'GET, HEAD'],
  ])('%s %s', async (method, url, allow) => {
    const response = await inject(method, url)
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe(allow)
    expect(response.headers['content-type']).toContain('application/problem+json')
    if (method !== 'HEAD') expect(problemOf(response.body).code).toBe('method_not_allowed')
  })

  test('are not told to whoever has no key', async () => {
    const response = await server.app.inject({ method: 'PUT', url: '/v1/workloads', headers: { host: 'localhost' } })
    expect(response.json()).toMatchObject({ status: 401, code: 'unauthorized' })
  })

  test('one that HTTP does not know is refused as what it is', async () => {
    const { head: answer, body } = await say(head('BREW /v1/workloads'))
    expect(answer).toContain('HTTP/1.1 400')
    expect(problemOf(body).code).toBe('invalid_request')
  })

  test('HEAD of what may be read answers with headers alone', async () => {
    const response = await inject('HEAD', '/v1/workloads')
    expect(response).toMatchObject({ status: 200, body: '' })
  })
})

describe('bodies', () => {
  const post = (payload: string | undefined, type?: string) =>
    inject('POST', '/v1/workloads', {
      headers: { ...authorization, ...(type !== undefined && { 'content-type': type }) },
      ...(payload !== undefined && { payload }),
    })

  test.each([
    ['text', 'text/plain', 415, 'unsupported_media_type'],
    ['a form', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['nothing said of it', undefined, 415, 'unsupported_media_type'],
    ['a type that is none', 'nonsense', 415, 'unsupported_media_type'],
    ['multipart without a boundary', 'multipart/form-data', 400, 'invalid_request'],
    ['JSON by any case and with parameters', 'APPLICATION/JSON; charset=utf-8', 422, 'invalid_field'],
  ])('%s', async (_, type, status, code) => {
    const response = await post('{"runtime":"python"}', type)
    expect(problemOf(response.body)).toMatchObject({ status, code })
  })

  test('none at all, and one that is cut short', async () => {
    expect(problemOf((await post(undefined)).body)).toMatchObject({ code: 'invalid_field', errors: [{ path: '' }] })
    expect(problemOf((await post('', 'application/json')).body).code).toBe('invalid_request')
    expect(problemOf((await post('{"runtime":', 'application/json')).body).code).toBe('invalid_request')
    // JSON like any other, with a field that nobody knows.
    expect(problemOf((await post('{"__proto__":{}}', 'application/json')).body)).toMatchObject({
      code: 'invalid_field',
      errors: expect.arrayContaining([expect.objectContaining({ path: '/__proto__' })]) as object[],
    })
  })

  test('none where none is taken, though its type is said', async () => {
    const remove = (body: string) =>
      server.app.inject({
        method: 'DELETE',
        url: '/v1/pool',
        headers: { ...authorization, 'content-type': 'application/json' },
        payload: body,
      })
    expect((await remove('')).statusCode).toBe(200)
    expect(problemOf((await remove('{')).body).code).toBe('invalid_request')
  })

  test('one over the limit is told so although the client still sends', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/workloads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
      body: 'x'.repeat(8 << 20),
    })
    expect(await response.json()).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  test('one that stops coming is given up with its connection, and leaves nothing', async () => {
    const { head: answer } = await say(
      head('POST /v1/workloads', 'content-type: application/json', 'content-length: 9'),
      '{',
    )
    expect(answer).toBe('')
    const multipart = ['content-type: multipart/form-data; boundary=b', 'content-length: 99999']
    const part = '--b\r\ncontent-disposition: form-data; name="archive"; filename="a"\r\n\r\nhalf of it'
    expect((await say(head('POST /v1/workloads', ...multipart), part)).head).toBe('')
  })

  test('an upload that the client breaks off leaves nothing', async () => {
    const socket = opened()
    socket.write(
      head('POST /v1/workloads', 'content-type: multipart/form-data; boundary=b', 'transfer-encoding: chunked'),
    )
    const part = '--b\r\ncontent-disposition: form-data; name="archive"; filename="a"\r\n\r\nhalf of it'
    const request = once(server.app.server, 'request')
    socket.write(`${part.length.toString(16)}\r\n${part}\r\n`)
    const [, response] = (await request) as [unknown, NodeJS.EventEmitter]
    const closed = once(response, 'close')
    socket.destroy()
    await closed
    expect(await server.scheduler.summaries({ limit: 1 })).toEqual([])
  })
})

test('a client that goes away while it waits does not end its run', async () => {
  const leave = new AbortController()
  const asked = once(server.app.server, 'request')
  const accepted = new Promise<string>((tell) => server.scheduler.facts.on('workload.accepted', ({ id }) => tell(id)))
  const waiting = fetch(`http://127.0.0.1:${port}/v1/workloads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ runtime: 'python', code: '# fake: sleep 600000' }),
    signal: leave.signal,
  })
  const id = await accepted
  const [, response] = (await asked) as [unknown, NodeJS.EventEmitter]
  const closed = once(response, 'close')
  leave.abort(new Error('left'))
  await expect(waiting).rejects.toThrow('left')
  await closed
  expect(hasEnded((await server.scheduler.summary(id)).status)).toBe(false)
  await server.scheduler.kill(id)
  await server.scheduler.ended(id, AbortSignal.timeout(5000))
})

describe('before there is a request', () => {
  test('headers over the limit are 431', async () => {
    const { head: answer, body } = await say(head('GET /v1/workloads', `x-long: ${'x'.repeat(40_000)}`))
    expect(answer).toContain('HTTP/1.1 431')
    expect(answer).toContain('content-type: application/problem+json')
    expect(problemOf(body).code).toBe('headers_too_large')
  })

  test('what is no HTTP is 400', async () => {
    const { head: answer, body } = await say('hello\r\n\r\n')
    expect(answer).toContain('HTTP/1.1 400')
    expect(problemOf(body).code).toBe('invalid_request')
  })

  test('a URL that does not decode is 400', async () => {
    expect(problemOf((await inject('GET', '/v1/workloads/%zz')).body)).toMatchObject({ code: 'invalid_request' })
  })

  test('a path that is too long is one that is not there', async () => {
    const response = await inject('GET', `/v1/workloads/${'x'.repeat(500)}/logs`)
    expect(problemOf(response.body)).toMatchObject({ status: 404, code: 'not_found' })
  })
})

describe('queries', () => {
  test.each([
    ['/v1/workloads?colour=red', '/querystring/colour'],
    ['/v1/stats?x=1', '/querystring/x'],
    ['/v1/workloads?limit=0', '/querystring/limit'],
    ['/v1/workloads?limit=1001', '/querystring/limit'],
    ['/v1/workloads?limit=1.5', '/querystring/limit'],
    ['/v1/workloads?limit=ten', '/querystring/limit'],
    ['/v1/workloads?limit=1&limit=2', '/querystring/limit'],
    ['/v1/workloads?status=gone', '/querystring/status'],
    ['/v1/workloads?label=plain', '/querystring/label'],
    ['/v1/workloads?cursor=nonsense', '/querystring/cursor'],
    ['/v1/workloads/x/logs?after=-1', '/querystring/after'],
    ['/v1/workloads/x/output/stdin', '/params/stream'],
  ])('%s is refused', async (url, path) => {
    const problem = problemOf((await inject('GET', url)).body)
    expect(problem).toMatchObject({ status: 422, code: 'invalid_field', errors: [{ path }] })
  })

  test.each(['-1', 'x', '', '86401', 'Infinity', '1e9'])('wait_s=%s is refused, and nothing runs', async (wait) => {
    const payload = { runtime: 'python', code: '# fake: print a' }
    const response = await inject('POST', `/v1/workloads?wait_s=${wait}`, { payload })
    expect(problemOf(response.body)).toMatchObject({ errors: [{ path: '/querystring/wait_s' }] })
    expect(await server.scheduler.summaries({ limit: 1 })).toEqual([])
  })

  test('pages follow each other without a gap or a repeat', async () => {
    for (let i = 0; i < 5; i += 1) {
      await inject('POST', '/v1/workloads', {
        payload: { runtime: 'python', code: `# ${i}`, labels: { even: `${i % 2 === 0}` } },
      })
    }
    const seen: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 3; pages += 1) {
      const page = JSON.parse((await inject('GET', `/v1/workloads?limit=2${cursor}`)).body) as WorkloadPage
      seen.push(...page.workloads.map(({ id }) => id))
      cursor = `&cursor=${page.next_cursor}`
      expect(page.next_cursor === undefined).toBe(pages === 2)
    }
    expect(seen).toEqual((await server.scheduler.summaries({ limit: 9 })).map(({ id }) => id))
    const even = JSON.parse((await inject('GET', '/v1/workloads?label=even=true')).body) as WorkloadPage
    expect(even.workloads.length).toBe(3)
  })
})

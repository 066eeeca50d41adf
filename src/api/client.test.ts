/** The client against servers that behave badly. How it gets on with ours: src/server. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Client } from './client.ts'
import { VulcanError } from './errors.ts'
import { problemOf } from './problem.ts'
import { formatEvent, shutdown, type LogEvent } from './sse.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** A client of a server that gives those answers, one to each request; the last goes on. */
async function clientOf(...answers: readonly Answer[]): Promise<{ client: Client; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = []
  server = createServer((request, response) => {
    seen.push(request)
    request.resume()
    answers[Math.min(seen.length, answers.length) - 1]?.(response, request)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { client: new Client({ url, key: 'vk_x', reconnectDelayMs: 1, reconnects: 3 }), seen }
}

const refuse =
  (error: VulcanError): Answer =>
  (response) => {
    const problem = problemOf(error)
    response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
  }
const stream =
  (...parts: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(parts.join(''))
  }
const running: LogEvent = { id: 1, event: 'status', data: { status: 'running' } }
const end: LogEvent = { id: 2, event: 'end', data: { status: 'completed', exit: { by: 'program', code: 0 } } }

async function collect(client: Client): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for await (const event of client.logs('x')) events.push(event)
  return events
}

test('a server that goes away and comes back is one log, without a gap or a repeat', async () => {
  const { client, seen } = await clientOf(
    stream(formatEvent(running), shutdown),
    refuse(new VulcanError('shutting_down', 'going')),
    (response) => response.destroy(),
    stream(formatEvent(running), formatEvent(end)),
  )
  expect(await collect(client)).toEqual([running, end])
  expect(seen.map(({ headers }) => headers['last-event-id'])).toEqual(['0', '1', '1', '1'])
})

const record =
  (status: string): Answer =>
  (response) => {
    const told = { id: 'x', status, exit: { by: 'vm_lost', message: 'the server ended' } }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told))
  }

test('a log that lost to a power cut what we saw has its end all the same, from the record, once it is certain', async () => {
  const { client, seen } = await clientOf(
    stream(formatEvent(running), shutdown),
    // It may have ended behind our back, right after this stream was cut.
    stream(),
    record('failed'),
    stream(),
  )
  const lost = { id: 2, event: 'end', data: { status: 'failed', exit: { by: 'vm_lost', message: 'the server ended' } } }
  expect(await collect(client)).toEqual([running, lost])
  expect(seen).toHaveLength(4)
})

test('a stream that ends without a word, of a workload that runs, is taken up again', async () => {
  const { client } = await clientOf(stream(), record('running'), stream(formatEvent(running), formatEvent(end)))
  expect(await collect(client)).toEqual([running, end])
})

test('one that stays away is unreachable after so many attempts', async () => {
  const { client, seen } = await clientOf(stream(formatEvent(running), shutdown), (response) => response.destroy())
  await expect(collect(client)).rejects.toMatchObject({ code: 'server_unreachable' })
  expect(seen.length).toBe(1 + 3)
})

test('what will not get better is not tried again', async () => {
  const { client, seen } = await clientOf(refuse(new VulcanError('not_found', 'there is no workload x')))
  await expect(collect(client)).rejects.toMatchObject({ code: 'not_found', message: 'there is no workload x' })
  expect(seen.length).toBe(1)
})

test('a run whose answer does not say which it is, is an error and not a run without a name', async () => {
  const { client } = await clientOf(stream(formatEvent(running)))
  await expect(client.start({ runtime: 'python', code: 'x' })).rejects.toThrow(/names no workload/)
})

test('requests are made as the document says', async () => {
  const { client, seen } = await clientOf((response) => response.end('{}'))
  await client.get('a/b c')
  await client.list({ label: 'k=v&w', limit: '3' })
  await client.kill('x')
  await client.submit({ runtime: 'python', code: 'x' })
  await client.submit({ runtime: 'python' }, new Blob(['archive']))
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET /v1/workloads/a%2Fb%20c',
    'GET /v1/workloads?label=k%3Dv%26w&limit=3',
    'DELETE /v1/workloads/x',
    'POST /v1/workloads/async',
    'POST /v1/workloads/async',
  ])
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(Array.from({ length: 5 }, () => 'Bearer vk_x'))
  expect(seen[3]?.headers['content-type']).toBe('application/json')
  expect(seen[4]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
})

test('errors: a code nobody knows, no problem at all, an answer that breaks off, one that is no JSON', async () => {
  const { client } = await clientOf(
    (response) =>
      response.writeHead(400, { 'content-type': 'application/problem+json' }).end('{"code":"new","detail":"d"}'),
    (response) => response.writeHead(502).end('<html>'),
    (response) => response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
    (response) => response.end('<html>'),
  )
  await expect(client.get('x')).rejects.toMatchObject({ code: 'internal', message: 'd' })
  await expect(client.get('x')).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringContaining('502') as string,
  })
  await expect(client.get('x')).rejects.toMatchObject({ code: 'server_unreachable' })
  await expect(client.get('x')).rejects.toMatchObject({ code: 'server_unreachable' })
})

test('no key goes with the question whether a server lives', async () => {
  const { client, seen } = await clientOf((response) => {
    response.setHeader('content-type', 'application/json').end('{}')
  })
  await client.health()
  await client.stats()
  expect(seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
    ['/healthz', undefined],
    ['/v1/stats', 'Bearer vk_x'],
  ])
})

test('a signal ends a call and a log with its own reason', async () => {
  const abort = new AbortController()
  const { client } = await clientOf((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(formatEvent(running))
  })
  const events = client.logs('x', { signal: abort.signal })
  expect((await events.next()).value).toEqual(running)
  const rest = events.next()
  abort.abort(new Error('enough'))
  await expect(rest).rejects.toThrow('enough')
  await expect(client.health(abort.signal)).rejects.toThrow('enough')
})

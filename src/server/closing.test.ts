/** The end of the server, as those see it who are connected. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EventParser } from '../api/sse.ts'
import { testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let url: string
beforeEach(async () => {
  server = await testServer()
  url = await server.app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const headers = { authorization: `Bearer ${testKey}` }
const submit = async (code: string): Promise<string> => {
  const response = await fetch(`${url}/v1/workloads/async`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ runtime: 'python', code }),
  })
  return ((await response.json()) as { id: string }).id
}

/** A log stream of which the first event has come; the rest is what comes up to its end. */
async function follow(id: string): Promise<() => Promise<string>> {
  const response = await fetch(`${url}/v1/workloads/${id}/logs`, { headers })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let seen = (await reader.read()).value ?? ''
  return async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) seen += next.value
    return seen
  }
}

async function connected(): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

test('an open stream of a workload that goes on is told `shutdown`, without an id, and ends', async () => {
  const rest = await follow(await submit('# fake: print a\n# fake: sleep 600000'))
  const [text] = await Promise.all([rest(), server.app.close()])
  const events = new EventParser().push(text)
  expect(events.at(-1)).toMatchObject({ event: 'shutdown', data: '{"code":"shutting_down"}' })
  expect(text.split('\n\n').filter((event) => event.includes('shutdown') && event.includes('id:'))).toEqual([])
  expect(text).toContain('\nretry: 1000\n')
  expect(events.filter(({ event }) => event === 'end')).toEqual([])
})

test('a run that is killed because the server ends still gives its stream an `end`, and no `shutdown`', async () => {
  const rest = await follow(await submit('# fake: print a\n# fake: sleep 600000'))
  server.app.closing.refuse()
  await server.scheduler[Symbol.asyncDispose]()
  const [text] = await Promise.all([rest(), server.app.close()])
  expect(new EventParser().push(text).at(-1)?.event).toBe('end')
})

test('a server that hands its runs over tells `shutdown`: the log goes on, but not here', async () => {
  const id = await submit('# fake: print a\n# fake: sleep 600000')
  const rest = await follow(id)
  const bytes = await fetch(`${url}/v1/workloads/${id}/output/stdout`, { headers })
  server.app.closing.refuse()
  await server.scheduler.release()
  const [text] = await Promise.all([rest(), expect(bytes.text()).rejects.toThrow('terminated'), server.app.close()])
  expect(new EventParser().push(text).at(-1)?.event).toBe('shutdown')
})

test('bytes that are still to come break off, so that nobody takes them for all', async () => {
  const [some, none] = [await submit('# fake: print a\n# fake: sleep 600000'), await submit('# fake: sleep 600000')]
  const begun = await fetch(`${url}/v1/workloads/${some}/output/stdout`, { headers })
  const reader = begun.body!.getReader()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('a\n')
  const asked = once(server.app.server, 'request')
  const silent = fetch(`${url}/v1/workloads/${none}/output/stdout`, { headers })
  await asked
  await Promise.all([expect(reader.read()).rejects.toThrow('terminated'), server.app.close()])
  expect(await (await silent).json()).toMatchObject({ status: 503, code: 'shutting_down' })
})

test('new requests are refused with Retry-After, health included, on old connections and new ones', async () => {
  server.app.closing.refuse()
  for (const path of ['/healthz', '/v1/workloads', '/nothing']) {
    const response = await fetch(`${url}${path}`, { headers })
    expect(await response.json(), path).toMatchObject({ status: 503, code: 'shutting_down', retry: true })
    expect(response.headers.get('retry-after'), path).toBe('1')
    expect(response.headers.get('connection'), path).toBe('close')
  }
})

test('who waits for a workload gets its record so far', async () => {
  const waiting = fetch(`${url}/v1/workloads`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ runtime: 'python', code: '# fake: sleep 600000' }),
  })
  await new Promise<void>((accepted) => server.scheduler.facts.on('workload.accepted', () => accepted()))
  const [response] = await Promise.all([waiting, server.app.close()])
  expect(response.status).toBe(202)
  expect(response.headers.get('location')).toMatch(/^\/v1\/workloads\//)
  expect(['pending', 'running']).toContain(((await response.json()) as { status: string }).status)
})

test('a request that was being sent is answered before the server closes', async () => {
  const socket = await connected()
  const body = JSON.stringify({ runtime: 'python', code: '# fake: print a' })
  const head = [
    'POST /v1/workloads/async HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${testKey}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
  ].join('\r\n')
  const begun = once(server.app.server, 'request')
  socket.write(`${head}\r\n\r\n${body.slice(0, 10)}`)
  await begun
  const closing = server.app.close()
  socket.write(body.slice(10))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 202/)
  await closing
})

test('one that never comes to its end is cut off when the time for it is over', async () => {
  await using hasty = await testServer({ server: { drainMs: 1 } })
  url = await hasty.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = await connected()
  const begun = once(hasty.app.server, 'request')
  const head = `POST /v1/keys HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${testKey}\r\ncontent-length: 9`
  socket.write(`${head}\r\ncontent-type: application/json\r\n\r\n{`)
  await begun
  const gone = once(socket, 'close')
  socket.resume()
  await Promise.all([hasty.app.close(), gone])
  expect(socket.bytesRead).toBe(0)
})

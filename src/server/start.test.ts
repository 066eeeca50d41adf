/** A run whose answer is its events. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Client } from '../api/client.ts'
import type { LogEvent } from '../api/sse.ts'
import { breakingDoor, testKey, testServer, type TestServer } from './testing.ts'

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

const client = (at = url) => new Client({ url: at, key: testKey, reconnectDelayMs: 1, reconnects: 50 })
const program = { runtime: 'python', code: '# fake: print a\n# fake: error b\n# fake: exit 4' }
const endless = { runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' }

const ask = (body: object, { accept = 'text/event-stream', query = '' } = {}): Promise<Response> =>
  fetch(`${url}/v1/workloads${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', accept },
    body: JSON.stringify(body),
  })

async function collect(events: AsyncIterable<LogEvent>): Promise<LogEvent[]> {
  const seen: LogEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

test('it is told what its log tells, from the first event to the end, by one request', async () => {
  const { id, events } = await client().start(program)
  const seen = await collect(events)
  expect(seen.map(({ event }) => event)).toEqual(['status', 'status', 'stdout', 'stderr', 'end'])
  expect(await collect(client().logs(id))).toEqual(seen)
})

test('an archive goes with it, and is looked into as ever', async () => {
  const started = client().start({ runtime: 'python' }, { archive: new Blob(['no archive']) })
  await expect(started).rejects.toMatchObject({ code: 'archive_corrupt' })
})

test('the answer begins while the program runs, and a client that goes away does not end it', async () => {
  const leaving = new AbortController()
  const { id, events } = await client().start(endless, { signal: leaving.signal })
  for await (const { event } of events) if (event === 'stdout') break
  leaving.abort()
  expect((await client().get(id)).status).toBe('running')
  await client().kill(id)
})

test('a client that leaves while its run is being taken in leaves no stream behind, and the run goes on', async () => {
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const accept = server.scheduler.accept.bind(server.scheduler)
  const taken = Promise.withResolvers<string>()
  server.scheduler.accept = async (...args) => {
    asked.resolve()
    await held.promise
    const id = await accept(...args)
    taken.resolve(id)
    return id
  }
  const leaving = new AbortController()
  const started = client().start(endless, { signal: leaving.signal })
  const gone = new Promise((resolve) => server.app.server.once('connection', (socket) => socket.once('close', resolve)))
  await asked.promise
  leaving.abort(new Error('left'))
  await expect(started).rejects.toThrow('left')
  await gone
  held.resolve()
  const id = await taken.promise
  const streams = async () => /^vulcan_log_streams_open (\d+)$/m.exec(await server.metrics.text())?.[1]
  // By then the stream was opened.
  await vi.waitFor(async () => expect((await client().get(id)).status).toBe('running'))
  await vi.waitFor(async () => expect(await streams()).toBe('0'))
  await client().kill(id)
})

test('wherever the answer breaks off, the log goes on: nothing is missed and nothing comes twice', async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `# fake: print ${i} ${'x'.repeat(i * 7)}`)
  // A cut in the head would be a request of which nobody knows whether it was taken in.
  const [head, most] = [600, 6000]
  const cuts = fc.tuple(fc.integer({ min: head, max: most }), fc.integer({ min: 0, max: most }))
  await fc.assert(
    fc.asyncProperty(cuts, async (cuts) => {
      await using door = await breakingDoor(url, cuts)
      const { id, events } = await client(door.url).start({ runtime: 'python', code: lines.join('\n') })
      const seen = await collect(events)
      expect(await collect(client().logs(id))).toEqual(seen)
      expect(seen.filter(({ event }) => event === 'end')).toHaveLength(1)
    }),
    { numRuns: 20 },
  )
})

test('a server that goes away says so', async () => {
  const answer = await ask(endless)
  const [text] = await Promise.all([answer.text(), server.app.close()])
  expect(text).toContain('event: status')
  expect(text.endsWith('event: shutdown\nretry: 1000\ndata: {"code":"shutting_down"}\n\n')).toBe(true)
})

test.each(['*/*', 'application/json', 'text/html;q=0.9, application/*'])(
  'who accepts %s gets the record',
  async (accept) => {
    const answer = await ask(program, { accept })
    expect(await answer.json()).toMatchObject({ status: 'failed', stdout: 'a\n' })
  },
)

test.each(['text/event-stream', 'application/json, Text/Event-Stream ; q=0.5'])(
  'who accepts %s gets events',
  async (accept) => {
    const answer = await ask(program, { accept })
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const record = await fetch(new URL(answer.headers.get('location') ?? '', url), {
      headers: { authorization: `Bearer ${testKey}` },
    })
    expect(await answer.text()).toContain('event: end')
    expect(record.status).toBe(200)
  },
)

test('what is refused is refused as ever, and a bound of the wait has no meaning', async () => {
  const bad = await ask({ runtime: 'cobol', code: 'x' })
  expect(await bad.json()).toMatchObject({ code: 'invalid_field', errors: [{ path: '/runtime' }] })
  const bound = await ask(program, { query: '?wait_s=1' })
  expect(await bound.json()).toMatchObject({ code: 'invalid_field', errors: [{ path: '/querystring/wait_s' }] })
  expect((await client().list()).workloads).toEqual([])
})

import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Client } from '../api/client.ts'
import { mostDenials } from '../backend/denial.ts'
import { EventParser, formatEvent, outputBytes, outputData, type LogEvent } from '../api/sse.ts'
import { testSettings } from '../scheduler/testing.ts'
import { breakingDoor, testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let url: string
beforeEach(async () => {
  server = await testServer({ server: { heartbeatMs: 50 } })
  url = await server.app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

const client = (at = url) => new Client({ url: at, key: testKey, reconnectDelayMs: 1, reconnects: 50 })

async function collect(events: AsyncIterable<LogEvent>): Promise<LogEvent[]> {
  const seen: LogEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

const bytesOf = (events: readonly LogEvent[], stream: string): Buffer =>
  Buffer.concat(
    events.flatMap((event) => (event.event === stream && 'data' in event ? [outputBytes(event.data as never)] : [])),
  )

test('a log has every event once: pending, running, output in order, one end; ids count up from 1', async () => {
  const { id } = await client().submit({
    runtime: 'python',
    code: '# fake: print a\n# fake: error b\n# fake: print c\n# fake: exit 4',
  })
  const events = await collect(client().logs(id))
  expect(events.map((event) => event.id)).toEqual([1, 2, 3, 4, 5, 6])
  expect(events.map((event) => event.event)).toEqual(['status', 'status', 'stdout', 'stderr', 'stdout', 'end'])
  expect(events[0]?.data).toEqual({ status: 'pending' })
  expect(events.at(-1)?.data).toEqual({ status: 'failed', exit: { by: 'program', code: 4 } })
})

test('events come while the program runs, heartbeats keep a silent stream open, and a kill ends it', async () => {
  const { id } = await client().submit({ runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' })
  const response = await fetch(`${url}/v1/workloads/${id}/logs`, { headers: { authorization: `Bearer ${testKey}` } })
  let text = ''
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part
    if (text.includes('"up\\n"') && text.includes(': heartbeat')) break
  }
  const rest = collect(client().logs(id, { after: 3 }))
  await client().kill(id)
  expect((await rest).map((event) => event.event)).toEqual(['end'])
})

test('what the network refused is told where it happened, replayed as it was, and counted in the record', async () => {
  const deny = (target: string) => `# fake: deny ${target}`
  const [metadata, dns] = [deny('metadata tcp 169.254.169.254 80'), deny('allow udp 192.0.2.1 53')]
  const ping = deny('reserved icmp 198.18.0.1')
  const [name, rebound] = [deny('allow dns other.example'), deny('private dns inside.example 10.1.2.3')]
  const { id } = await client().submit({
    runtime: 'python',
    code: [metadata, metadata, dns, ping, name, rebound].join('\n'),
  })
  const events = await collect(client().logs(id))
  expect(events.map((event) => event.id)).toEqual(events.map((_, at) => at + 1))
  const denied = events.filter(({ event }) => event === 'denied')
  expect(denied.map(({ data }) => data)).toEqual([
    {
      ...{ address: '169.254.169.254', port: 80, protocol: 'tcp', rule: 'metadata' },
      first_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      hint: 'the metadata services of clouds are never reached from a vm',
    },
    expect.objectContaining({ port: 53, protocol: 'udp', hint: expect.stringContaining('/etc/resolv.conf') as string }),
    expect.not.objectContaining({ port: expect.anything() as number }),
    {
      ...{ host: 'other.example', protocol: 'dns', rule: 'allow', first_at: expect.any(String) as string },
      hint: expect.stringContaining('not on the list') as string,
    },
    expect.objectContaining({
      host: 'inside.example',
      address: '10.1.2.3',
      hint: expect.stringContaining('leads to') as string,
    }),
  ])
  expect(await collect(client().logs(id, { after: 2 }))).toEqual(events.slice(2))
  const { run } = await client().get(id)
  expect(run?.network).toMatchObject({
    denied: [{ rule: 'metadata', count: 2 }, ...[1, 2, 3, 4].map(() => ({ count: 1 }))],
  })
  expect(run?.network?.denied_others).toBe(0)
})

test('a run that tries everything fills neither its log nor its record', async () => {
  const code = Array.from({ length: 100 }, (_, port) => `# fake: deny private tcp 10.0.0.1 ${port + 1}`).join('\n')
  const { id } = await client().submit({ runtime: 'python', code })
  const events = await collect(client().logs(id))
  expect(events.filter(({ event }) => event === 'denied')).toHaveLength(mostDenials)
  const { run } = await client().get(id)
  expect([run?.network?.denied.length, run?.network?.denied_others]).toEqual([mostDenials, 100 - mostDenials])
  const [listed] = (await client().list()).workloads
  expect([listed?.id, listed?.run?.network]).toEqual([id, undefined])
})

test('a vm that is lost still gives its log an end', async () => {
  const { id } = await client().submit({ runtime: 'python', code: '# fake: print up\n# fake: vm_lost' })
  expect((await collect(client().logs(id))).at(-1)).toMatchObject({ event: 'end', data: { exit: { by: 'vm_lost' } } })
})

test('bytes that are no text arrive as they were, in the log and in the output', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0a, 0xc3])
  const { id } = await client().submit({ runtime: 'python', code: `# fake: base64 ${bytes.toString('base64')}` })
  expect(bytesOf(await collect(client().logs(id)), 'stdout')).toEqual(bytes)
  const output = await new Response(await client().output(id, 'stdout')).bytes()
  expect(Buffer.from(output)).toEqual(bytes)
})

test('wherever the connection breaks, the log taken up again misses nothing and repeats nothing', async () => {
  const lines = Array.from({ length: 60 }, (_, i) => `line ${i} \u{1F600} ${'x'.repeat(i * 7)}`)
  const code = lines.map((line, i) => `# fake: ${i % 3 ? 'print' : 'error'} ${line}`).join('\n')
  const { id } = await client().submit({ runtime: 'python', code })
  const whole = await collect(client().logs(id))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 8 }), async (cuts) => {
      await using door = await breakingDoor(url, cuts)
      expect(await collect(client(door.url).logs(id))).toEqual(whole)
      expect(door.passed()).toBeGreaterThan(0)
    }),
    { numRuns: 30 },
  )
})

test('without following, the log of a program that goes on ends with what there is', async () => {
  const { id } = await client().submit({ runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' })
  for await (const event of client().logs(id)) if (event.event === 'stdout') break
  expect(await collect(client().logs(id, { follow: false }))).toHaveLength(3)
  expect(await collect(client().logs(id, { follow: false, after: 3 }))).toEqual([])
  await client().kill(id)
  await server.scheduler.ended(id, AbortSignal.timeout(10_000))
  expect((await collect(client().logs(id, { follow: false }))).at(-1)).toMatchObject({ event: 'end' })
})

test('without following, the log of one that waits ends with that', async () => {
  const sleeper = { runtime: 'python', code: '# fake: sleep 600000' }
  const running = await Promise.all(Array.from({ length: testSettings.capacity.vms }, () => client().submit(sleeper)))
  const { id } = await client().submit(sleeper)
  const seen = await collect(client().logs(id, { follow: false }))
  expect(seen).toEqual([{ id: 1, event: 'status', data: { status: 'pending' } }])
  for (const one of [{ id }, ...running]) await client().kill(one.id)
})

test('a Last-Event-ID before the end, at it and beyond it, and one that is no number', async () => {
  const { id } = await client().submit({ runtime: 'python', code: '# fake: print a' })
  const end = (await collect(client().logs(id))).at(-1)!
  const ask = (value: string) =>
    server.app.inject({
      url: `/v1/workloads/${id}/logs`,
      headers: { authorization: `Bearer ${testKey}`, 'last-event-id': value },
    })
  // A slow host has the time to say that it lives.
  expect((await ask(`${end.id - 1}`)).body.replaceAll(': heartbeat\n\n', '')).toBe(formatEvent(end))
  // To an empty answer of 200 a browser comes back for ever.
  for (const value of [`${end.id}`, `${end.id + 1}`, '99']) {
    expect(await ask(value), value).toMatchObject({ statusCode: 204, body: '' })
  }
  expect((await ask('x')).statusCode).toBe(422)
})

test('whoever has lost sight of the end is told it by the client, to whom no content says that there is no more', async () => {
  const { id } = await client().submit({ runtime: 'python', code: '# fake: print a' })
  const end = (await collect(client().logs(id))).at(-1)!
  // As after a power cut, which took events from the log that were seen.
  expect(await collect(client().logs(id, { after: 99 }))).toEqual([{ ...end, id: 100 }])
  expect(await collect(client().logs(id, { after: 99, follow: false }))).toEqual([])
})

test('a client that stops reading does not grow the server, and its run goes on', async () => {
  const { id } = await client().submit({ runtime: 'python', code: '# fake: flood 900000' })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`GET /v1/workloads/${id}/logs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${testKey}\r\n\r\n`)
  socket.pause()
  await server.scheduler.ended(id, AbortSignal.timeout(10_000))
  expect((await client().get(id)).status).toBe('completed')
  socket.destroy()
})

test('the parser reads what was written, however it is cut', () => {
  const event = fc.record({
    id: fc.nat(),
    event: fc.constantFrom('stdout', 'stderr'),
    data: fc.uint8Array({ minLength: 1 }).map(outputData),
  })
  fc.assert(
    fc.property(fc.array(event as fc.Arbitrary<LogEvent>), fc.array(fc.nat({ max: 40 })), (events, cuts) => {
      let text = events.map(formatEvent).join(': heartbeat\n\n')
      const parser = new EventParser()
      const seen: unknown[] = []
      for (const cut of [...cuts, Infinity]) {
        seen.push(
          ...parser
            .push(text.slice(0, cut))
            .map((raw) => ({ id: Number(raw.id), event: raw.event, data: JSON.parse(raw.data) as unknown })),
        )
        text = text.slice(cut)
      }
      expect(seen).toEqual(events)
    }),
  )
})

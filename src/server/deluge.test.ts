/** A run that writes fifty megabytes, one reader whose connections break and one who does not read. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { Client } from '../api/client.ts'
import { EventParser, outputBytes, type OutputData } from '../api/sse.ts'
import { testSettings } from '../scheduler/testing.ts'
import { authorization, breakingDoor, testKey, testServer } from './testing.ts'

const lines = 781_250
const code = `# fake: count ${lines}`
const mib = 1 << 20

function written(): string {
  const hash = createHash('sha256')
  for (let n = 1; n <= lines; n += 1) hash.update(`${String(n).padStart(63, '0')}\n`)
  return hash.digest('hex')
}

interface Seen {
  readonly hash: ReturnType<typeof createHash>
  readonly ids: number[]
  ends: number
}

function take(seen: Seen, { id, event, data }: { id: number; event: string; data: unknown }): void {
  seen.ids.push(id)
  if (event === 'stdout') seen.hash.update(outputBytes(data as OutputData))
  if (event === 'end') seen.ends += 1
}

function expectWhole({ hash, ids, ends }: Seen, sum: string): void {
  expect(hash.digest('hex')).toBe(sum)
  expect(ids).toEqual(ids.map((_, at) => at + 1))
  expect(ends).toBe(1)
}

const nothing = (): Seen => ({ hash: createHash('sha256'), ids: [], ends: 0 })

/** Most bytes that were ever held for an answer that its client does not take. */
function watchHeld(response: ServerResponse): () => number {
  let most = 0
  const write = response.write.bind(response) as (...args: unknown[]) => boolean
  response.write = ((...args: unknown[]) => {
    const room = write(...args)
    most = Math.max(most, response.writableLength)
    return room
  }) as typeof response.write
  return () => most
}

/** After so many bytes each of the first connections breaks. */
const cuts = Array.from({ length: 12 }, () => Math.floor(Math.random() * 6 * mib))

test(`fifty megabytes arrive byte for byte through breaking connections, and a reader who sleeps holds up nothing (${cuts.join()})`, async () => {
  await using server = await testServer({
    scheduler: { limits: { ...testSettings.limits, outputBytes: 64 * mib, archiveBytes: 1 } },
  })
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 })
  await using door = await breakingDoor(url, cuts)
  const options = { key: testKey, reconnectDelayMs: 1, reconnects: 50 }
  const { id } = await new Client({ url, ...options }).submit({ runtime: 'python', code })

  const asked = once(server.app.server, 'request') as Promise<[IncomingMessage, ServerResponse]>
  const sleeping = get(`${url}/v1/workloads/${id}/logs`, { headers: authorization })
  const [, response] = await asked
  const held = watchHeld(response)
  const [answer] = (await once(sleeping, 'response')) as [IncomingMessage]

  const broken = nothing()
  const reading = (async () => {
    for await (const event of new Client({ url: door.url, ...options }).logs(id)) take(broken, event)
  })()
  await server.scheduler.ended(id, AbortSignal.timeout(15_000))
  expect(await server.scheduler.summary(id)).toMatchObject({ status: 'completed' })
  await reading
  const sum = written()
  expectWhole(broken, sum)
  expect(door.passed()).toBeGreaterThan(1)

  // All is over, and whoever slept has taken next to nothing of it; awake, it gets everything too.
  expect(response.writableEnded).toBe(false)
  expect(held()).toBeGreaterThan(0)
  expect(held()).toBeLessThan(mib)
  const slept = nothing()
  const parser = new EventParser()
  answer.setEncoding('utf8')
  for await (const text of answer) {
    for (const raw of parser.push(text as string))
      take(slept, { ...raw, id: Number(raw.id), data: JSON.parse(raw.data) })
  }
  expectWhole(slept, sum)
  expect(held()).toBeLessThan(mib)
  expect(server.logged).toEqual([])
})

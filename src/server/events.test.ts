import { afterEach, beforeEach, expect, test } from 'vitest'
import { EventParser, type RawEvent } from '../api/sse.ts'
import type { WorkloadSummary } from '../api/workload.ts'
import { authorization, testKey, testServer, type TestServer } from './testing.ts'

let server: TestServer
let url: string
beforeEach(async () => {
  server = await testServer({ server: { heartbeatMs: 20 } })
  url = await server.app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

interface Following {
  /** Takes so many events. */
  readonly next: (count: number) => Promise<RawEvent[]>
  readonly leave: () => void
}

async function follow(headers: Record<string, string> = {}): Promise<Following> {
  const gone = new AbortController()
  const answer = await fetch(`${url}/v1/events`, {
    headers: { authorization: `Bearer ${testKey}`, ...headers },
    signal: gone.signal,
  })
  expect(answer.status).toBe(200)
  const texts = answer.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
  const parser = new EventParser()
  const ready: RawEvent[] = []
  return {
    async next(count) {
      while (ready.length < count) {
        const { done, value } = await texts.next()
        if (done) break
        ready.push(...parser.push(value))
      }
      return ready.splice(0, count)
    },
    leave: () => gone.abort(),
  }
}

const submit = async (code: string): Promise<string> => {
  const answer = await server.app.inject({
    method: 'POST',
    url: '/v1/workloads/async',
    headers: authorization,
    payload: { runtime: 'python', code, labels: { team: 'x' } },
  })
  return answer.json<{ id: string }>().id
}

const summaryOf = ({ data }: RawEvent) => JSON.parse(data) as WorkloadSummary

test('every change of status of every workload comes as it happens, with the summary', async () => {
  const following = await follow()
  const ids = [await submit('# fake: print a'), await submit('# fake: exit 3')]
  const events = await following.next(6)
  expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['workload']))
  const statuses = (id?: string) => events.map(summaryOf).flatMap((one) => (one.id === id ? [one.status] : []))
  expect(statuses(ids[0])).toEqual(['pending', 'running', 'completed'])
  expect(statuses(ids[1])).toEqual(['pending', 'running', 'failed'])
  const ended = events.map(summaryOf).find(({ status }) => status === 'failed')
  expect(ended).toMatchObject({ id: ids[1], labels: { team: 'x' }, exit: { by: 'program', code: 3 } })
  following.leave()
})

test('one that was killed while it waited, or that could not start, has no running', async () => {
  const following = await follow()
  const id = await submit('# fake: fail no room')
  expect((await following.next(2)).map((event) => summaryOf(event).status)).toEqual(['pending', 'failed'])
  expect(id).not.toBe('')
  following.leave()
})

test('who comes back with the last id goes on behind it; who comes too late is told to look anew', async () => {
  const first = await follow()
  await submit('# fake: exit 0')
  const [pending, ...rest] = await first.next(3)
  first.leave()
  const second = await follow({ 'last-event-id': pending?.id ?? '' })
  expect(await second.next(2)).toEqual(rest)
  second.leave()
  const late = await follow({ 'last-event-id': '1' })
  expect((await late.next(2)).map(({ event }) => event)).toEqual(['missed', 'workload'])
  late.leave()
})

test('a server that goes away says so, without an id, after the ends that it caused', async () => {
  const following = await follow()
  await submit('# fake: sleep 600000')
  await following.next(2)
  await server[Symbol.asyncDispose]()
  expect((await following.next(3)).map(({ event }) => event)).toEqual(['workload', 'shutdown'])
})

test('a key that may not read everything gets none of it', async () => {
  const payload = { name: 'a', scopes: ['run'] }
  const made = await server.app.inject({ method: 'POST', url: '/v1/keys', headers: authorization, payload })
  const headers = { authorization: `Bearer ${made.json<{ key: string }>().key}` }
  const answer = await fetch(`${url}/v1/events`, { headers })
  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ code: 'forbidden' })
})

test('without a key, and with an id that is none, there is no stream', async () => {
  expect((await fetch(`${url}/v1/events`)).status).toBe(401)
  const headers = { ...authorization, 'last-event-id': 'x' }
  expect((await server.app.inject({ url: '/v1/events', headers })).statusCode).toBe(422)
})

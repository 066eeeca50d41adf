/** A thousand open log streams of one run: from the moment in which its program writes to when each client has it. */
import { once } from 'node:events'
import { Agent, get as request, type IncomingMessage } from 'node:http'
import { EventParser } from '../src/api/sse.ts'
import { post, startFloor, startServer, type Measured } from './child.ts'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { sampleOf } from './sample.ts'
import { quantile, spreadOf } from './statistics.ts'

const streams = 1000
const everyMs = 100

export async function openStreams({ quick, profile, say }: Options): Promise<Figure[]> {
  const [rounds, count] = quick ? [1, 20] : [5, 60]
  await using floor = await startFloor(await sampleOf({ runtime: 'python', code: '# nothing' }), { connections: 1 })
  await using server = await startServer({}, { connections: 1, profile })
  const p99 = { ours: [] as number[], floor: [] as number[] }
  for (let round = 0; round <= rounds; round += 1) {
    const ours = await ofServer(server, count)
    const least = await ofFloor(floor, count)
    if (ours.length !== streams * count) throw new Error(`${ours.length} of ${streams * count} events arrived`)
    say(`streams: p50 ${quantile(ours, 0.5).toFixed(0)} ms, p99 ${quantile(ours, 0.99).toFixed(0)} ms`)
    // The first round warms up.
    if (round === 0 && !quick) continue
    p99.ours.push(quantile(ours, 0.99))
    p99.floor.push(quantile(least, 0.99))
  }
  return [
    {
      name: `p99 to each of ${streams} streams`,
      unit: 'ms',
      value: spreadOf(p99.ours),
      floor: spreadOf(p99.floor),
      ratio: spreadOf(p99.ours.map((ms, i) => ms / (p99.floor[i] ?? NaN))),
      bar: { of: 'value', most: 250 },
    },
  ]
}

/** Milliseconds that each event took to each stream. */
async function ofServer(server: Measured, count: number): Promise<number[]> {
  // Streams are open before the program begins: it waits for longer than they take.
  const code = `# fake: sleep 4000\n${`# fake: now\n# fake: sleep ${everyMs}\n`.repeat(count)}`
  const { id } = await post<{ id: string }>(server, '/v1/workloads/async', { runtime: 'python', code })
  return delays(server, `/v1/workloads/${id}/logs`, () => Promise.resolve())
}

async function ofFloor(floor: Measured, count: number): Promise<number[]> {
  return delays(floor, '/stream', () => post(floor, '/emit', { count, everyMs }))
}

async function delays(from: Measured, path: string, begin: () => Promise<unknown>): Promise<number[]> {
  const agent = new Agent({ maxSockets: streams })
  const seen: number[] = []
  const answers = await Promise.all(
    Array.from({ length: streams }, async () => {
      const asked = request(new URL(path, from.url), { agent, headers: from.headers })
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      return { answer, done: follow(answer, seen) }
    }),
  )
  await begin()
  await Promise.all(answers.map(({ done }) => done))
  agent.destroy()
  return seen
}

async function follow(answer: IncomingMessage, seen: number[]): Promise<void> {
  const parser = new EventParser()
  answer.on('data', (chunk: Buffer) => {
    const now = performance.timeOrigin + performance.now()
    for (const { event, data } of parser.push(chunk.toString('latin1'))) {
      if (event !== 'stdout') continue
      // Events that come close together share an entry.
      const { text } = JSON.parse(data) as { text: string }
      for (const written of text.trim().split('\n')) seen.push(now - Number(written))
    }
  })
  await once(answer, 'end')
}

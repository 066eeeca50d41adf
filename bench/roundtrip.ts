/** The route that waits against a bare one that writes the same rows: one request at a time. */
import { post, startFloor, startServer, type Measured } from './child.ts'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { sampleOf } from './sample.ts'
import { median, spreadOf } from './statistics.ts'

const silent = { runtime: 'python', code: '# it ends at once' }
const speaking = { runtime: 'python', code: '# fake: print hello' }

export async function roundTrip({ quick, profile, syncMs }: Options): Promise<Figure[]> {
  const [rounds, each] = quick ? [5, 20] : [25, 40]
  await using floor = await startFloor(await sampleOf(silent), { connections: 1, syncMs })
  await using server = await startServer({}, { connections: 1, profile, syncMs })
  const kinds = {
    two: () => timed(each, () => post(floor, '/two-commits', silent)),
    silent: () => timed(each, () => ended(server, silent)),
    one: () => timed(each, () => post(floor, '/one-commit', silent)),
    speaking: () => timed(each, () => ended(server, speaking)),
  }
  for (const kind of Object.values(kinds)) await kind()
  const seen = { two: [] as number[], silent: [] as number[], one: [] as number[], speaking: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ['two', 'silent', 'one', 'speaking'] as const) seen[name].push(await kinds[name]())
  }
  const against = (ours: number[], floors: number[]) => ({
    unit: 'ms',
    value: spreadOf(ours),
    floor: spreadOf(floors),
    ratio: spreadOf(ours.map((ms, i) => ms / (floors[i] ?? NaN))),
  })
  return [
    { name: 'sync round trip, by two commits', ...against(seen.silent, seen.two), bar: { of: 'ratio', most: 1.5 } },
    { name: 'the same with a line of output', ...against(seen.speaking, seen.two) },
    { name: 'sync round trip, by one commit', ...against(seen.silent, seen.one) },
  ]
}

async function ended(server: Measured, request: unknown): Promise<void> {
  const { status } = await post<{ status: string }>(server, '/v1/workloads', request)
  if (status !== 'completed') throw new Error(`a workload ended as ${status}`)
}

/** Median of the milliseconds that it takes. */
async function timed(times: number, act: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < times; i += 1) {
    const begun = performance.now()
    await act()
    taken.push(performance.now() - begun)
  }
  return median(taken)
}

/** Workloads a second on one core: taken in only, and to their ends, by 32 connections. */
import { get, post, startFloor, startServer, type Measured } from './child.ts'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { sampleOf } from './sample.ts'
import { spreadOf } from './statistics.ts'

const request = { runtime: 'python', code: '# it ends at once' }
const connections = 32
const core = 0

export async function throughput({ quick, profile }: Options): Promise<Figure[]> {
  const [rounds, each] = quick ? [3, 500] : [9, 3000]
  const bound = { connections, core }
  await using floor = await startFloor(await sampleOf(request), bound)
  // One vm, which is taken: what comes waits.
  await using held = await startServer({ 'limits.pending': 100_000, 'concurrency.vms': 1 }, { ...bound, profile })
  await post(held, '/v1/workloads/async', { ...request, code: '# fake: sleep 86400000', priority: 100 })
  const free = { 'limits.pending': 100_000, 'concurrency.vms': 64, 'concurrency.starting': 64 }
  await using server = await startServer({ ...free, 'concurrency.cpus': 64 }, { ...bound, profile })
  const accepted = { floor: [] as number[], held: [] as number[], ended: [] as number[] }
  for (let round = 0; round <= rounds; round += 1) {
    const rates = {
      floor: await rate(each, () => flood(floor, '/accept', each)),
      held: await rate(each, () => flood(held, '/v1/workloads/async', each)),
      ended: await rate(each, async () => {
        await flood(server, '/v1/workloads/async', each)
        await allEnded(server)
      }),
    }
    // The first round warms up.
    if (round === 0) continue
    for (const name of ['floor', 'held', 'ended'] as const) accepted[name].push(rates[name])
  }
  const of = (rates: number[]) => ({
    unit: '/s',
    value: spreadOf(rates),
    floor: spreadOf(accepted.floor),
    ratio: spreadOf(rates.map((rate, i) => rate / (accepted.floor[i] ?? NaN))),
  })
  return [
    { name: 'accepted on one core', ...of(accepted.held), bar: { of: 'value', least: 1000 } },
    { name: 'accepted and ended on one core', ...of(accepted.ended) },
  ]
}

/** Sends so many requests over all connections. */
export async function flood(to: Measured, path: string, count: number): Promise<void> {
  let left = count
  const worker = async () => {
    while (left > 0) {
      left -= 1
      await post(to, path, request)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
}

/** Resolves when nothing waits or runs. */
export async function allEnded(server: Measured): Promise<void> {
  for (;;) {
    const { nodes } = JSON.parse(await get(server, '/v1/nodes')) as { nodes: { pending: number; vms: number }[] }
    if (nodes.every(({ pending, vms }) => pending + vms === 0)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function rate(count: number, act: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await act()
  return (count * 1000) / (performance.now() - begun)
}

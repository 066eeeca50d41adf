/** Many workloads through the API of the server that runs, so many at once: how long each takes, and how many succeed. */
import { availableParallelism } from 'node:os'
import type { Client } from '../src/api/client.ts'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { runningServer } from './server.ts'
import { quantile, spreadOf, type Spread } from './statistics.ts'

interface Level {
  readonly atOnce: number
  /** Milliseconds from the request to the record of each that succeeded. */
  readonly ms: readonly number[]
  readonly asked: number
  /** From the first request to the last record. */
  readonly allMs: number
}

export async function load({ quick, say }: Options): Promise<Figure[]> {
  const { client } = await runningServer()
  const cores = availableParallelism()
  const levels: Level[] = []
  for (const atOnce of [...new Set([1, cores, 4, 16])].toSorted((a, b) => a - b)) {
    levels.push(await measure(client, { atOnce, asked: quick ? atOnce : Math.max(10, 3 * atOnce) }))
    say(`load: ${atOnce} at once: ${levels.at(-1)?.ms.length} of ${levels.at(-1)?.asked} succeeded`)
  }
  const perCore = quantile(levels.find(({ atOnce }) => atOnce === cores)?.ms ?? [], 0.5)
  return levels.flatMap((level) => figuresOf(level, perCore))
}

async function measure(client: Client, { atOnce, asked }: Pick<Level, 'atOnce' | 'asked'>): Promise<Level> {
  const ms: number[] = []
  let left = asked
  const begun = performance.now()
  const one = async () => {
    for (; left > 0;) {
      left -= 1
      const from = performance.now()
      const { status } = await client.run({ runtime: 'python', code: 'print("hello")\n' })
      if (status === 'completed') ms.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return { atOnce, asked, ms, allMs: performance.now() - begun }
}

/** `perCore`: the median where there is one for each core. */
function figuresOf({ atOnce, ms, asked, allMs }: Level, perCore: number): Figure[] {
  const alone = (value: number): Spread => spreadOf([value])
  const p95 = quantile(ms, 0.95)
  const against = { floor: alone(perCore), ratio: alone(p95 / perCore), bar: { of: 'ratio', most: 2.5 } as const }
  const named: Record<string, Omit<Figure, 'name'>> = {
    'to the record': { unit: 'ms', value: spreadOf(ms) },
    'to the record, p95': { unit: 'ms', value: alone(p95), ...(atOnce === 4 && against) },
    'to the record, p99': { unit: 'ms', value: alone(quantile(ms, 0.99)) },
    'that succeeded': { unit: '%', value: alone((100 * ms.length) / asked), bar: { of: 'value', least: 100 } },
    'made a second': { unit: '1/s', value: alone((1000 * ms.length) / allMs) },
  }
  return Object.entries(named).map(([name, figure]) => ({ name: `${atOnce} at once: ${name}`, ...figure }))
}

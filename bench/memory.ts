/** Memory over very many workloads: after a warm-up against at the end. */
import { startServer, type Memory } from './child.ts'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { spreadOf } from './statistics.ts'
import { allEnded, flood } from './throughput.ts'

export async function memory({ quick, say }: Options): Promise<Figure[]> {
  const [warm, all, step] = quick ? [2000, 6000, 1000] : [20_000, 100_000, 5000]
  const settings = { 'limits.pending': 100_000, 'concurrency.vms': 64, 'concurrency.starting': 64 }
  await using server = await startServer({ ...settings, 'concurrency.cpus': 64 }, { connections: 32 })
  const seen: Memory[] = []
  for (let done = step; done <= all; done += step) {
    await flood(server, '/v1/workloads/async', step)
    await allEnded(server)
    const now = await server.memory()
    say(`memory: ${done} workloads, heap ${mib(now.heapUsed)} MiB, resident ${mib(now.rss)} MiB`)
    if (done >= warm) seen.push(now)
  }
  // The last quarter against the first: one reading says little of a resident set.
  const some = Math.max(1, Math.floor(seen.length / 4))
  const compare = (name: keyof Memory, most: number) => {
    const [first, last] = [seen.slice(0, some), seen.slice(-some)].map((part) =>
      spreadOf(part.map((now) => now[name] / (1 << 20))),
    )
    if (!first || !last) throw new Error('nothing was measured')
    const ratio = spreadOf([last.median / first.median])
    return { unit: 'MiB', value: last, floor: first, ratio, bar: { of: 'ratio' as const, most } }
  }
  const name = `over ${all} workloads, by ${warm}`
  return [
    { name: `heap ${name}`, ...compare('heapUsed', 1.1) },
    { name: `resident ${name}`, ...compare('rss', 1.2) },
  ]
}

const mib = (bytes: number): string => (bytes / (1 << 20)).toFixed(1)

/** What hostile work costs everybody else, looked at while it goes on. */
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { sleep } from '../../src/base/time.ts'
import { nodeHome, onNode, python, server } from './harness.ts'
import { root } from './places.ts'

/** One line of JSON for each, for whoever wants the figures. */
const report = join(root, 'test', 'system', 'outcomes', 'costs.jsonl')

interface Cost {
  /** Most resident memory of the server that was seen, and by how much it had grown, in MiB. */
  readonly rssMib: number
  readonly grownMib: number
  /** Longest time that the server's event loop was late, in ms. */
  readonly lagMs: number
  /** What the node's disk lost below $VULCAN_HOME while it went on, and after it, in MiB. */
  readonly diskMib: number
  readonly diskLeftMib: number
  /** A small run beside it, and alone before, in ms. */
  readonly besideMs: number
  readonly aloneMs: number
}

/** Generous: an emulated node shares two cores with whatever else this host does. */
const most = { grownMib: 250, lagMs: 10_000, diskMib: 1500, diskLeftMib: 200 } as const
/** How much slower another run may be: its share of the cores, and some patience. */
const slower = { times: 8, plusMs: 30_000 } as const

/** Runs the hostile work, sees to it that it costs no more than it may, and says what it did cost. */
export async function bounded<T>(name: string, hostile: () => Promise<T>): Promise<T> {
  const aloneMs = await smallRun()
  const before = await look()
  // The lag that it tells is the longest since the look before, which was not this work's.
  const seen: (typeof before)[] = []
  const over = new AbortController()
  const work = hostile().finally(() => over.abort())
  work.catch(() => undefined)
  const watching = (async () => {
    while (!over.signal.aborted) {
      seen.push(await look())
      await sleep(1500)
    }
  })()
  const besideMs = await smallRun()
  const result = await work
  await watching
  const after = await look()
  const largest = (key: 'rssMib' | 'lagMs' | 'usedMib') => Math.round(Math.max(...seen.map((one) => one[key])))
  const cost: Cost = {
    rssMib: largest('rssMib'),
    grownMib: largest('rssMib') - Math.round(before.rssMib),
    lagMs: largest('lagMs'),
    diskMib: largest('usedMib') - Math.round(before.usedMib),
    diskLeftMib: Math.round(after.usedMib - before.usedMib),
    besideMs: Math.round(besideMs),
    aloneMs: Math.round(aloneMs),
  }
  await mkdir(dirname(report), { recursive: true })
  await appendFile(report, `${JSON.stringify({ name, ...cost })}\n`)
  for (const key of ['grownMib', 'lagMs', 'diskMib', 'diskLeftMib'] as const)
    expect(cost[key], `${name}: ${key}`).toBeLessThan(most[key])
  expect(cost.besideMs, `${name}: a run beside it`).toBeLessThan(aloneMs * slower.times + slower.plusMs)
  return result
}

async function smallRun(): Promise<number> {
  const begun = performance.now()
  expect((await python('print("small")')).stdout).toBe('small\n')
  return performance.now() - begun
}

async function look(): Promise<{ rssMib: number; lagMs: number; usedMib: number }> {
  const { url, key } = await server()
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text()
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  const used = Number((await onNode(`df --output=used -k ${await nodeHome()} | tail -1`)).trim())
  return {
    rssMib: value('process_resident_memory_bytes') / 2 ** 20,
    lagMs: value('nodejs_eventloop_lag_max_seconds') * 1000,
    usedMib: used / 1024,
  }
}

/** What hostile work costs everybody else, looked at while it goes on. */
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
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
  /** Processors that the server itself was busy on, from the first look to the last. */
  readonly cores: number
  /** What the node's disk lost below $VULCAN_HOME while it went on, and after it, in MiB. */
  readonly diskMib: number
  readonly diskLeftMib: number
  /** The slowest small run of those that it met, how many those were, and the slower of two before it, in ms. */
  readonly besideMs: number
  readonly besides: number
  readonly aloneMs: number
}

/** Generous: an emulated node shares two cores with whatever else this host does. */
const most = { grownMib: 250, lagMs: 10_000, cores: 1.2, diskMib: 1500, diskLeftMib: 200 } as const
/** How much slower another run may be: its share of the cores, and some patience. */
const slower = { times: 8, plusMs: 30_000 } as const

/** Runs the hostile work, sees to it that it costs no more than it may, and says what it did cost. */
export async function bounded(name: string, hostile: () => Promise<WorkloadRecord>): Promise<WorkloadRecord> {
  const alone = [await smallRun(), await smallRun()]
  const before = await look()
  const work = hostile()
  // One small run after the other: whenever the harm begins and ends, it meets one.
  const [small, seen] = await Promise.all([whileItLasts(work, smallRun), whileItLasts(work, looks)])
  const record = await work
  const after = await look()
  const beside = small.filter((one) => met(one, record)).map(tookMs)
  // The lag that a look tells is the longest since the look before it: that of the first was not this work's.
  const largest = (key: 'rssMib' | 'lagMs' | 'usedMib') => Math.round(Math.max(...seen.map((one) => one[key])))
  const cost: Cost = {
    rssMib: largest('rssMib'),
    grownMib: largest('rssMib') - Math.round(before.rssMib),
    lagMs: largest('lagMs'),
    cores: Number(((after.cpuSeconds - before.cpuSeconds) / (after.atSeconds - before.atSeconds)).toFixed(2)),
    diskMib: largest('usedMib') - Math.round(before.usedMib),
    diskLeftMib: Math.round(after.usedMib - before.usedMib),
    besideMs: Math.max(...beside),
    besides: beside.length,
    aloneMs: Math.max(...alone.map(tookMs)),
  }
  await mkdir(dirname(report), { recursive: true })
  await appendFile(report, `${JSON.stringify({ name, ...cost })}\n`)
  for (const [key, bound] of Object.entries(most))
    expect(cost[key as keyof typeof most], `${name}: ${key}`).toBeLessThan(bound)
  expect(cost.besides, `${name}: small runs that it met`).toBeGreaterThan(0)
  expect(cost.besideMs, `${name}: a run beside it`).toBeLessThan(cost.aloneMs * slower.times + slower.plusMs)
  return record
}

/** Does something again and again until the work is over, and gives what came of it each time. */
async function whileItLasts<T>(work: Promise<unknown>, act: () => Promise<T>): Promise<T[]> {
  const over = new AbortController()
  const end = () => over.abort()
  work.then(end, end)
  const seen = []
  do seen.push(await act())
  while (!over.signal.aborted)
  return seen
}

async function smallRun(): Promise<WorkloadRecord> {
  const record = await python('print("small")')
  expect(record.stdout, JSON.stringify(record.exit)).toBe('small\n')
  return record
}

/** From its coming in to its end, by the server's clock, in ms since the epoch. */
const span = ({ created_at: from, finished_at: to }: WorkloadRecord) =>
  [Date.parse(from), Date.parse(to ?? '')] as const

const tookMs = (record: WorkloadRecord) => span(record)[1] - span(record)[0]

/** Whether one was there while the other's vm was. */
function met(one: WorkloadRecord, other: WorkloadRecord): boolean {
  const [from, to] = span(one)
  return from < span(other)[1] && to > Date.parse(other.started_at ?? other.created_at)
}

async function looks(): ReturnType<typeof look> {
  await sleep(1500)
  return look()
}

async function look() {
  const { url, key } = await server()
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text()
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  const used = Number((await onNode(`df --output=used -k ${await nodeHome()} | tail -1`)).trim())
  return {
    rssMib: value('process_resident_memory_bytes') / 2 ** 20,
    lagMs: value('nodejs_eventloop_lag_max_seconds') * 1000,
    cpuSeconds: value('process_cpu_seconds_total'),
    atSeconds: performance.now() / 1000,
    usedMib: used / 1024,
  }
}

/**
 * npm run soak: very many workloads of every kind, more at once than there is room for, while the server is ended again and again.
 * Nothing may be lost, doubled or left, and nothing may grow. Writes a report as JSON and as a picture.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sleep } from '../../src/base/time.ts'
import { endServer, patientClient, settled } from '../system/harness.ts'
import { root } from '../system/places.ts'
import { faultOf } from './judge.ts'
import { counted, held, look, surelyLook, type Held } from './look.ts'
import { kindOf, type Kind } from './mix.ts'
import { picture, type Series } from './picture.ts'
import { trendOf } from './slope.ts'

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: '2000' },
    'at-once': { type: 'string', default: '8' },
    restarts: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '600' },
    out: { type: 'string', default: join(root, 'dist', 'soak') },
  },
})
const [total, atOnce, restarts, minutes] = (['workloads', 'at-once', 'restarts', 'minutes'] as const).map((name) => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= (name === 'restarts' ? 0 : 1)) return value
  throw new Error(`--${name} is ${values[name]}: a whole number is needed`)
}) as [number, number, number, number]

interface Ended {
  readonly n: number
  readonly kind: string
  readonly id: string
  readonly by: string | undefined
  readonly met: boolean
  readonly atS: number
  /** From the first try to hand it in to its end as the log tells it. */
  readonly tookS: number
  readonly wrong: string | undefined
}

/** Of those that have ended the server keeps more (`retention.count`), and forgets the older ones. */
const surelyKept = 400

const from = performance.now()
const now = () => (performance.now() - from) / 1000
const client = await patientClient()
/** For what is asked while the server is away; it may be asked twice. */
const surely = <T>(ask: () => Promise<T>): Promise<T> => client.patience().keep(ask)
const label = `${process.pid}-${Date.now()}`

/** Under a key of its own: a server that goes away may have taken it. */
async function handIn(n: number, kind: Kind): Promise<string> {
  const request = { ...kind.request, labels: { soak: label }, idempotency_key: `${label}-${n}` }
  return (await surely(() => client.submit(request))).id
}

async function one(n: number): Promise<Ended> {
  const kind = kindOf(n)
  const began = now()
  const id = await handIn(n, kind)
  let killed = false
  let ends = 0
  for await (const { event } of client.logs(id)) {
    if (event === 'end') ends += 1
    if (event !== 'stdout' || !kind.killed || killed) continue
    killed = true
    await client.kill(id).catch(() => (killed = false))
  }
  const record = await surely(() => client.get(id))
  const met = aways.some(({ from, to }) => from < now() && to > began)
  const told = { n, kind: kind.name, id, by: record.exit?.by, met, atS: now(), tookS: now() - began }
  return { ...told, wrong: faultOf(record, { kind, ends, met }) }
}

const say = (line: string) => void process.stdout.write(`${line}\n`)
const ended: Ended[] = []
const samples: (Held & { readonly atS: number })[] = []
/** Seconds; one that goes on ends at infinity. */
const aways: { from: number; to: number }[] = []
let next = 0
const over = new AbortController()

async function lane(): Promise<void> {
  while (next < total && now() < minutes * 60) {
    const n = next
    next += 1
    ended.push(await one(n))
    const { kind, tookS, wrong } = ended.at(-1) as Ended
    if (wrong !== undefined) say(`${n} ${kind}: ${wrong}`)
    else if (ended.length % 25 === 0) say(`${ended.length} of ${total}, the last took ${tookS.toFixed(1)} s`)
  }
}

/** In the first half, so that the second shows what one server holds. By turns it may hand its runs on, and may not. */
async function restarting(): Promise<void> {
  for (let n = 1; n <= restarts; n += 1) {
    while (!over.signal.aborted && Math.max(ended.length / total, now() / (minutes * 60)) < (n / (restarts + 1)) * 0.5)
      await sleep(500)
    if (over.signal.aborted) return
    const away = { from: now(), to: Infinity }
    aways.push(away)
    await endServer(n % 2 === 0 ? 'KILL' : 'TERM')
    away.to = now()
    say(`${ended.length} of ${total}: the server was ended and is back`)
  }
}

async function looking(): Promise<void> {
  while (!over.signal.aborted) {
    const atS = now()
    const seen = await look()
    if (seen) samples.push({ ...seen, atS })
    await sleep(10_000)
  }
}

/** Ids of all that carry this soak's label. */
async function listed(): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await client.list({ label: `soak=${label}`, limit: '200', ...(cursor && { cursor }) })
    ids.push(...page.workloads.map(({ id }) => id))
    cursor = page.next_cursor
  } while (cursor !== undefined)
  return ids
}

// The first run on a host makes what stays.
await client.run({ runtime: 'python', code: 'pass' })
await settled()
const before = await surelyLook()
const beside = [restarting(), looking()]
await Promise.all(Array.from({ length: atOnce }, lane))
over.abort()
await Promise.all(beside)

const faults = ended
  .filter(({ wrong }) => wrong !== undefined)
  .map(({ n, kind, id, wrong }) => `${n} ${kind} ${id}: ${wrong}`)
const ids = await listed()
const given = new Set(ended.map(({ id }) => id))
// Ids are in the order of their making.
const newest = [...given].toSorted().slice(-surelyKept)
if (given.size !== ended.length || new Set(ids).size !== ids.length || ids.some((id) => !given.has(id)))
  faults.push(`${ended.length} were handed in, with ${given.size} ids, and the server lists others: ${ids.length}`)
if (newest.some((id) => !ids.includes(id))) faults.push(`of the newest ${newest.length} the server does not list all`)
faults.push(...(await settled()).map((left) => `left: ${left}`))
const after = await surelyLook()
for (const name of counted)
  if (after[name] !== before[name]) faults.push(`${name}: ${before[name]} before, ${after[name]} after`)
const lost = ended.filter(({ by, met }) => met && by === 'vm_lost').length

/** Grown by no more than a tenth of what it is, or by a little where that is little. */
const seriesOf = (name: string, all: readonly { at: number; value: number }[]): Series => {
  const points = all.filter(({ value }) => !Number.isNaN(value))
  const half = points.slice(Math.floor(points.length / 2))
  const trend = trendOf(half)
  return { name, points, trend, flat: trend.grown <= Math.max(3, trend.median / 10) }
}
const series = [
  ...held.map((name) =>
    seriesOf(
      name,
      samples.map((sample) => ({ at: sample.atS, value: sample[name] })),
    ),
  ),
  ...['python', 'node'].map((name) =>
    seriesOf(
      `${name}, s`,
      ended.filter(({ kind }) => kind === name).map(({ atS, tookS }) => ({ at: atS, value: tookS })),
    ),
  ),
]
faults.push(
  ...series
    .filter(({ flat }) => !flat)
    .map(({ name, points, trend }) =>
      Number.isNaN(trend.grown)
        ? `${name} was seen ${points.length} times, too few to say whether it grows`
        : `${name} grew by ${trend.grown.toFixed(1)}, of ${trend.median.toFixed(1)}`,
    ),
)

const outcomes = Object.fromEntries(
  [...Map.groupBy(ended, ({ kind }) => kind)].map(([kind, some]) => [kind, some.length]),
)
const title = `${ended.length} workloads, ${atOnce} at once, ${aways.length} ends of the server, ${lost} lost with one, ${(now() / 60).toFixed(0)} min, ${faults.length} faults`
await mkdir(values.out, { recursive: true })
await writeFile(join(values.out, 'soak.svg'), picture(series, { title, restartsAt: aways.map(({ from }) => from) }))
const trends = Object.fromEntries(series.map(({ name, trend, flat }) => [name, { ...trend, flat }]))
await writeFile(
  join(values.out, 'soak.json'),
  `${JSON.stringify({ title, at: new Date().toISOString(), outcomes, lost, faults, aways, trends, samples, ended }, undefined, 1)}\n`,
)
say([title, ...faults, `written to ${values.out}`].join('\n'))
process.exitCode = faults.length === 0 ? 0 : 1

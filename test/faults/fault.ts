/** One fault, suffered on a real vm: what is broken, when, and how the run may end. What holds after each is asked here. */
import { randomUUID } from 'node:crypto'
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { Client } from '../../src/api/client.ts'
import type { LogEvent } from '../../src/api/sse.ts'
import type { ExitRecord, WorkloadRecord, WorkloadRequest } from '../../src/api/workload.ts'
import { deadline } from '../../src/base/time.ts'
import { python, server, settled } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'
import { root } from '../system/places.ts'

export interface Fault {
  readonly name: string
  /** What meets the fault; absent, a program that says up, lives a while, and says done. */
  readonly request?: Partial<WorkloadRequest>
  /** Called before the workload is handed in; what it gives back is called behind its end, however that was. */
  readonly before?: () => Promise<Mend>
  /** Called once its program has said something. */
  readonly running?: (id: string) => Promise<void>
  /** How it may end. Several, where the fault and the end of the run race. */
  readonly ends: readonly ExitRecord['by'][]
  /** What the record has besides. */
  readonly told?: Readonly<Record<string, unknown>>
  /** Words that the exit's message has to have. */
  readonly says?: RegExp
}

export type Mend = () => Promise<void>

/** A program that would be seen to have begun twice, and to have been cut off. */
export const victim = {
  runtime: 'python',
  network: 'internet',
  code: "import time\nprint('up', flush=True)\ntime.sleep(5)\nprint('done')",
  resources: { timeout_s: 300 },
} as const satisfies WorkloadRequest

/** For a log to come to its end, in milliseconds: a server and a machine may have to come back first. */
const endDeadlineMs = 300_000

/** Suffers it, then asks what has to hold after any fault. */
export async function suffer(fault: Fault): Promise<void> {
  // A vm of the run before, or one that was made ready, is none of this fault's.
  expect(await settled()).toEqual([])
  const begun = performance.now()
  const mend = await fault.before?.()
  let record: WorkloadRecord
  try {
    record = await undergo(fault)
  } finally {
    await mend?.()
  }
  await judge(fault, record)
  await note({ fault: fault.name, by: record.exit?.by, says: record.exit?.message, ms: performance.now() - begun })
}

/** Residue is empty, and the next workload is as if nothing had been. */
async function judge(fault: Fault, record: WorkloadRecord): Promise<void> {
  expect(fault.ends, JSON.stringify(record.exit)).toContain(record.exit?.by)
  if (fault.told) expect(record).toMatchObject(fault.told)
  if (fault.says) expect(record.exit?.message).toMatch(fault.says)
  await sound()
}

/** What has to hold after any fault: nothing is left, and the next workload runs. */
export async function sound(): Promise<void> {
  expect(await settled()).toEqual([])
  expect(await python('print(6 * 7)')).toMatchObject({ status: 'completed', stdout: '42\n', stderr: '' })
}

async function undergo(fault: Fault): Promise<WorkloadRecord> {
  const api = new Client({ ...(await server()), reconnects: 60 })
  const { id } = await submitted(api, { ...victim, ...fault.request })
  const log = await deadline(`the end of the log of ${id}`, { timeoutMs: endDeadlineMs }, (signal) =>
    follow(api, id, { signal, ...(fault.running && { running: fault.running }) }),
  )
  const record = await api.get(id)
  const [end, ...more] = log.filter((event) => event.event === 'end')
  expect(more, 'the log has one end').toEqual([])
  expect(end?.data, 'the log tells the same end as the record').toMatchObject({
    status: record.status,
    exit: record.exit,
  })
  const text = textOf(log)
  expect(text.match(/^up$/gm)?.length ?? 0, `the program began once at most: ${text}`).toBeLessThanOrEqual(1)
  if (record.dropped_bytes.stdout === 0) expect(record.stdout, 'the record has what the log has').toBe(text)
  return record
}

/** Handed in once, however often that has to be tried: the answer may be lost with the server that gave it. */
async function submitted(api: Client, request: WorkloadRequest): Promise<{ id: string }> {
  const once = { ...request, idempotency_key: randomUUID() }
  return eventually('a workload is accepted', () => api.submit(once).catch(() => undefined), {
    withinMs: endDeadlineMs,
  })
}

/** Reads a log to its end; tells of its first output. */
async function follow(
  api: Client,
  id: string,
  o: { signal: AbortSignal; running?: (id: string) => Promise<void> },
): Promise<LogEvent[]> {
  const log: LogEvent[] = []
  let harm: Promise<void> | undefined
  for await (const event of api.logs(id, { signal: o.signal })) {
    log.push(event)
    if (event.event === 'stdout') harm ??= o.running?.(id)
  }
  if (o.running && !harm) throw new Error('its program never said anything, so nothing was broken')
  await harm
  return log
}

function textOf(log: readonly LogEvent[]): string {
  return log.map((event) => (event.event === 'stdout' && 'text' in event.data ? event.data.text : '')).join('')
}

/** One line of JSON for each fault, for whoever wants the table. */
const report = join(root, 'test', 'faults', 'outcomes', 'faults.jsonl')

async function note(outcome: object): Promise<void> {
  await mkdir(dirname(report), { recursive: true })
  await appendFile(report, `${JSON.stringify(outcome)}\n`)
}

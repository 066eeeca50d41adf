/** One fault, suffered on a real vm: what is broken, when, and how the run may end. What holds after each is asked here. */
import { randomUUID } from 'node:crypto'
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { Client } from '../../src/api/client.ts'
import type { LogEvent } from '../../src/api/sse.ts'
import type { ExitRecord, WorkloadRecord, WorkloadRequest } from '../../src/api/workload.ts'
import { deadline } from '../../src/base/time.ts'
import { patientClient, python, settled } from '../system/harness.ts'
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

/** How a run ends whose vm, or what is around it, cannot be made. */
export const startFails = { ends: ['start_failed'], told: { status: 'failed' } } as const

/** A program that would be seen to have begun twice, and to have been cut off. */
export const victim = {
  runtime: 'python',
  network: 'internet',
  code: "import time\nprint('up', flush=True)\ntime.sleep(3)\nprint('done')",
  resources: { timeout_s: 300 },
} as const satisfies WorkloadRequest

/** For a log to come to its end, in milliseconds: a server and a machine may have to come back first. */
const endDeadlineMs = 450_000

/** Suffers it alone, then asks what has to hold after any fault. */
export async function suffer(fault: Fault): Promise<void> {
  // A vm of the run before, or one that was made ready, is none of this fault's.
  expect(await settled()).toEqual([])
  await sufferBeside(fault)
  await sound()
}

/**
 * Suffers it while others may suffer theirs: for faults that reach no further than their own vm. That nothing is left is
 * asked when all are over.
 */
export async function sufferBeside(fault: Fault): Promise<void> {
  const begun = performance.now()
  const mend = await fault.before?.()
  let record: WorkloadRecord
  try {
    record = await undergo(fault)
  } finally {
    await mend?.()
  }
  await note(fault.name, begun, record.exit)
  expect(fault.ends, JSON.stringify(record.exit)).toContain(record.exit?.by)
  if (fault.told) expect(record).toMatchObject(fault.told)
  if (fault.says) expect(record.exit?.message).toMatch(fault.says)
}

/** What has to hold after any fault: nothing is left, and the next workload runs. */
export async function sound(): Promise<void> {
  const api = await patientClient()
  // A server that was ended may be on its way back.
  await api.patience().keep(() => api.list({ limit: '1' }))
  expect(await settled()).toEqual([])
  await runs()
}

/** The next workload is as if nothing had been. */
export async function runs(): Promise<void> {
  const { network } = victim
  expect(await python('print(6 * 7)', { network })).toMatchObject({ status: 'completed', stdout: '42\n', stderr: '' })
}

/** Makes sure that a class has a template; that of most victims where no network is named. */
export async function haveTemplate(network: 'internet' | 'none' = victim.network): Promise<void> {
  const restored = async () => ((await python('pass', { network })).run?.start === 'boot' ? undefined : true)
  await eventually('a vm from a template', restored, { withinMs: 400_000 })
}

async function undergo(fault: Fault): Promise<WorkloadRecord> {
  const api = await patientClient()
  const { id } = await submitted(api, { ...victim, ...fault.request })
  const log = await deadline(`the end of the log of ${id}`, { timeoutMs: endDeadlineMs }, (signal) =>
    follow(api, id, { signal, ...(fault.running && { running: fault.running }) }),
  )
  // A server that stops tells the end, and answers again when the next one is there.
  const record = await api.patience().keep(() => api.get(id))
  const text = oneEnd(log, record)
  expect(text.match(/^up$/gm)?.length ?? 0, `the program began once at most: ${text}`).toBeLessThanOrEqual(1)
  return record
}

/** That a log has one end, the record's, and the record's output; gives that. */
export function oneEnd(log: readonly LogEvent[], record: WorkloadRecord): string {
  const [end, ...more] = log.filter((event) => event.event === 'end')
  expect(more, 'the log has one end').toEqual([])
  expect(end?.data, 'the log tells the same end as the record').toMatchObject({
    status: record.status,
    exit: record.exit,
  })
  const text = textOf(log)
  if (record.dropped_bytes.stdout === 0) expect(record.stdout, 'the record has what the log has').toBe(text)
  return text
}

/** Handed in once, however often that has to be tried: the answer may be lost with the server that gave it. */
export async function submitted(api: Client, request: WorkloadRequest): Promise<{ id: string }> {
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
  const { exit } = await api.patience().keep(() => api.get(id))
  if (o.running && !harm) throw new Error(`its program never said anything, so nothing was broken: ${exit?.message}`)
  await harm
  return log
}

export function textOf(log: readonly LogEvent[]): string {
  return log.map((event) => (event.event === 'stdout' && 'text' in event.data ? event.data.text : '')).join('')
}

/** One line of JSON for each fault, for whoever wants the table. */
const report = join(root, 'test', 'faults', 'outcomes', 'faults.jsonl')

/** Notes how a fault went that began at a time of `performance.now()`. */
export async function note(fault: string, begun: number, exit?: Partial<ExitRecord>): Promise<void> {
  const seconds = Math.round((performance.now() - begun) / 100) / 10
  await mkdir(dirname(report), { recursive: true })
  await appendFile(report, `${JSON.stringify({ fault, by: exit?.by, says: exit?.message, seconds })}\n`)
}

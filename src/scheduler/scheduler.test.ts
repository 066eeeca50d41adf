import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasEnded, statuses } from '../api/workload.ts'
import { FakeBackend } from '../backend/fake.ts'
import { anyCharacter } from '../base/testing.ts'
import { EventLog } from './eventlog.ts'
import { Excerpt } from './excerpt.ts'
import { advance, statusOf, transitions } from './lifecycle.ts'
import { enqueue, next, outdated, overheadMib } from './placement.ts'
import { Scheduler, type SchedulerOptions } from './scheduler.ts'
import { cut } from './utf8.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vulcan-scheduler-'))
})
afterEach(() => rm(home, { recursive: true }))

const never = new AbortController().signal
const sleeper = { runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' }

async function open(more: Partial<SchedulerOptions> = {}): Promise<{ scheduler: Scheduler; backend: FakeBackend }> {
  const backend = new FakeBackend()
  const limits = {
    cpus: 8,
    memMib: 4096,
    timeoutS: 3600,
    diskMib: 2048,
    pids: 1024,
    outputBytes: 1 << 20,
    archiveBytes: 1 << 20,
  }
  const standard = {
    home,
    backend,
    limits,
    capacity: { vms: 2, memMib: 8192 },
    pending: 3,
    retention: { count: 50, bytes: 1 << 30 },
  }
  return { scheduler: await Scheduler.open({ ...standard, ...more }), backend }
}

/** Waits until the workload's log shows that its program runs. */
async function running(scheduler: Scheduler, id: string): Promise<void> {
  for await (const { kind } of scheduler.events(id, 0, AbortSignal.timeout(10_000))) if (kind === 'stdout') return
}

describe('the queue', () => {
  test('so many run at once, the rest waits in order of priority, and too many are turned away', async () => {
    const { scheduler, backend } = await open()
    await using _closed = scheduler
    const first = await Promise.all([0, 1].map(() => scheduler.accept(sleeper)))
    await Promise.all(first.map(({ id }) => running(scheduler, id)))
    const low = await scheduler.accept({ ...sleeper, priority: -1 })
    const high = await scheduler.accept({ ...sleeper, priority: 5 })
    await scheduler.accept(sleeper)
    expect(scheduler.load).toEqual({ used: { vms: 2, memMib: 2 * (256 + overheadMib) }, pending: 3 })
    await expect(scheduler.accept(sleeper)).rejects.toMatchObject({ code: 'overloaded', status: 503 })
    scheduler.kill(first[0]!.id)
    await running(scheduler, high.id)
    expect(scheduler.summary(low.id).status).toBe('pending')
    expect(backend.live.size).toBe(2)
  })

  test('a workload that waits is killed without having run', async () => {
    const { scheduler } = await open({ capacity: { vms: 1, memMib: 8192 } })
    await using _closed = scheduler
    await scheduler.accept(sleeper)
    const { id } = await scheduler.accept(sleeper)
    scheduler.kill(id)
    await scheduler.ended(id, AbortSignal.timeout(5000))
    expect(await scheduler.record(id)).toMatchObject({
      status: 'killed',
      exit: { by: 'killed', message: 'killed while it waited' },
    })
    expect(scheduler.summary(id).started_at).toBeUndefined()
  })

  test('a kill during the start ends the start', async () => {
    const { scheduler, backend } = await open()
    await using _closed = scheduler
    const { id } = await scheduler.accept({ runtime: 'python', code: '# fake: start 600000' })
    scheduler.kill(id)
    await scheduler.ended(id, AbortSignal.timeout(5000))
    expect(scheduler.summary(id)).toMatchObject({ status: 'killed', exit: { by: 'killed' } })
    expect(backend.live.size).toBe(0)
  })
})

test('closing kills what runs and what waits, ends every log, and takes nothing more', async () => {
  const { scheduler, backend } = await open()
  const first = await scheduler.accept(sleeper)
  const later = await Promise.all([1, 2, 3].map(() => scheduler.accept(sleeper)))
  const ids = [first, ...later].map(({ id }) => id)
  await running(scheduler, first.id)
  const logs = ids.map(async (id) => {
    let last
    for await (const entry of scheduler.events(id, 0, never)) last = entry.kind
    return last
  })
  await scheduler[Symbol.asyncDispose]()
  expect(await Promise.all(logs)).toEqual(['end', 'end', 'end', 'end'])
  expect(ids.map((id) => scheduler.summary(id).status)).toEqual(['killed', 'killed', 'killed', 'killed'])
  expect(backend.live.size).toBe(0)
  await expect(scheduler.accept(sleeper)).rejects.toMatchObject({ code: 'shutting_down' })
})

test('a later process knows what ended, byte for byte, and removes what was cut off', async () => {
  const first = await open()
  const { id } = await first.scheduler.accept({ runtime: 'python', code: '# fake: print hello\n# fake: result [1]' })
  await first.scheduler.ended(id, AbortSignal.timeout(5000))
  const record = await first.scheduler.record(id)
  const cutOff = await first.scheduler.accept(sleeper)
  await running(first.scheduler, cutOff.id)

  const second = await open()
  await using _closed = second.scheduler
  expect(await second.scheduler.record(id)).toEqual(record)
  const output: string[] = []
  for await (const { kind, data } of second.scheduler.events(id, 0, never))
    if (kind === 'stdout') output.push(data.toString())
  expect(output.join('')).toBe('hello\n')
  expect(() => second.scheduler.summary(cutOff.id)).toThrow(/no workload/)
  await first.scheduler[Symbol.asyncDispose]()
})

test('only so many ended workloads are kept, the oldest go first with their files and keys', async () => {
  const { scheduler } = await open({ retention: { count: 2, bytes: 1 << 30 } })
  await using _closed = scheduler
  const ids: string[] = []
  for (const n of [1, 2, 3, 4]) {
    const { id } = await scheduler.accept({ runtime: 'python', code: `# fake: print ${n}`, idempotency_key: `k${n}` })
    await scheduler.ended(id, AbortSignal.timeout(5000))
    ids.push(id)
  }
  expect((await readdir(join(home, 'runs'))).sort()).toEqual(ids.slice(2))
  await expect(scheduler.record(ids[0]!)).rejects.toMatchObject({ code: 'not_found' })
  const again = await scheduler.accept({ runtime: 'python', code: '# fake: print other', idempotency_key: 'k1' })
  expect(ids).not.toContain(again.id)
})

describe('pure parts', () => {
  test('only what the table allows can follow, and nothing follows an end', () => {
    for (const from of statuses) {
      expect(transitions[from].length === 0).toBe(hasEnded(from))
      for (const to of statuses) {
        if (transitions[from].includes(to)) expect(advance(from, to)).toBe(to)
        else expect(() => advance(from, to)).toThrow(/cannot go/)
      }
    }
    expect(statusOf({ by: 'program', code: 0 })).toBe('completed')
    expect(statusOf({ by: 'program', signal: 'SIGSEGV' })).toBe('failed')
    expect(statusOf({ by: 'killed', code: 0 })).toBe('killed')
  })

  test('the queue keeps arrival within a priority; a large one is not starved; a too large one runs alone', () => {
    const item = (id: string, priority: number, memMib = 100) => ({ id, priority, memMib })
    const queue = [item('a', 0), item('b', 5), item('c', 0), item('d', 5)].reduce<ReturnType<typeof item>[]>(
      (q, i) => enqueue(q, i),
      [],
    )
    expect(queue.map(({ id }) => id)).toEqual(['b', 'd', 'a', 'c'])
    const capacity = { vms: 2, memMib: 500 }
    expect(next([item('big', 0, 400), item('small', 0, 10)], { vms: 1, memMib: 200 }, capacity)).toBeUndefined()
    expect(next([item('huge', 0, 900)], { vms: 0, memMib: 0 }, capacity)?.id).toBe('huge')
    expect(next([item('x', 0)], { vms: 2, memMib: 0 }, capacity)).toBeUndefined()
  })

  test('what is kept is within both bounds', () => {
    const kept = ['a', 'b', 'c'].map((id) => ({ id, bytes: 10 }))
    expect(outdated(kept, { count: 3, bytes: 30 })).toEqual([])
    expect(outdated(kept, { count: 2, bytes: 30 })).toEqual(['a'])
    expect(outdated(kept, { count: 3, bytes: 15 })).toEqual(['a', 'b'])
  })

  test('text is never cut inside a character, whatever comes in which pieces, and no byte is lost', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, minLength: 1 }), fc.array(fc.nat({ max: 9 })), (text, sizes) => {
        const bytes = Buffer.from(text)
        let rest: Uint8Array = new Uint8Array()
        const pieces: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = (sizes[i] ?? bytes.length) + 1
          const out = cut(Buffer.concat([rest, bytes.subarray(at, at + size)]), 7)
          pieces.push(...out.pieces.map((piece) => Buffer.from(piece)))
          rest = out.rest
          at += size
        }
        expect(pieces.map((piece) => piece.toString('utf8')).join('')).toBe(bytes.toString('utf8'))
        expect(Buffer.concat([...pieces, rest]).equals(bytes)).toBe(true)
        expect(pieces.every((piece) => piece.length <= 7)).toBe(true)
      }),
    )
  })

  test('an excerpt holds all of a short stream, and both ends of a long one with the count between', () => {
    const short = new Excerpt(4)
    short.push(Buffer.from('1234'))
    short.push(Buffer.from('5678'))
    expect([short.text(), short.droppedBytes]).toEqual(['12345678', 0])
    short.push(Buffer.from('9'))
    expect([short.text(), short.droppedBytes]).toEqual(['1234\n[1 bytes are not shown]\n6789', 1])
    const split = new Excerpt(3)
    split.push(Buffer.from('aé€€é'))
    expect(split.text()).toBe('aé\n[5 bytes are not shown]\né')
    split.drop(10)
    expect(split.droppedBytes).toBe(15)
  })
})

test('a log gives every entry after an id, across checkpoints, to readers early and late', async () => {
  const log = await EventLog.create(join(home, 'events.log'))
  const ids = async (after: number) => {
    const seen: number[] = []
    for await (const { id, data } of log.read(after, never)) {
      expect(data.toString()).toBe(`entry ${id}`)
      seen.push(id)
    }
    return seen
  }
  const early = ids(0)
  for (let id = 1; id <= 1000; id++) await log.append('stdout', Buffer.from(`entry ${id}`))
  const late = ids(700)
  await log.close()
  expect(await early).toHaveLength(1000)
  expect((await late)[0]).toBe(701)
  expect(await ids(999)).toEqual([1000])
  expect(await ids(1000)).toEqual([])
})

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Scheduler } from './scheduler.ts'
import { testSettings } from './testing.ts'
import { capacity, running, schedulers, sleeper, soon } from './trial.ts'

const { home, open } = schedulers()
const never = new AbortController().signal

async function outputOf(scheduler: Scheduler, id: string): Promise<{ output: string; kinds: string[]; ids: number[] }> {
  const seen = { output: '', kinds: [] as string[], ids: [] as number[] }
  for await (const entry of scheduler.events(id, 0, soon())) {
    seen.ids.push(entry.id)
    if (entry.kind === 'stdout') seen.output += entry.data.toString()
    else seen.kinds.push(entry.kind)
  }
  return seen
}

describe('the queue', () => {
  test('so many run at once, the rest waits with its place, and too many are turned away', async () => {
    const { scheduler, backend } = await open()
    await using _closed = scheduler
    const first = [await scheduler.accept(sleeper), await scheduler.accept(sleeper)]
    for (const id of first) await running(scheduler, id)
    const low = await scheduler.accept({ ...sleeper, priority: -1 })
    const high = await scheduler.accept({ ...sleeper, priority: 5 })
    const usual = await scheduler.accept(sleeper)
    expect(await scheduler.load()).toMatchObject({ vms: 2, starting: 0, memMib: 2 * (256 + 96), pending: 3 })
    const places = await Promise.all([high, usual, low].map(async (id) => (await scheduler.summary(id)).place))
    expect(places).toEqual([1, 2, 3])
    await expect(scheduler.accept(sleeper)).rejects.toMatchObject({ code: 'overloaded', status: 503 })
    await scheduler.kill(first[0]!)
    await running(scheduler, high)
    expect(await scheduler.summary(low)).toMatchObject({ status: 'pending' })
    expect(backend.live.size).toBe(2)
  })

  test('no more start at once than the node bears', async () => {
    const { scheduler } = await open({ capacity: { ...capacity, starting: 1 } })
    await using _closed = scheduler
    const slow = await scheduler.accept({ runtime: 'python', code: '# fake: start 600000' })
    const next = await scheduler.accept(sleeper)
    expect(await scheduler.load()).toMatchObject({ vms: 1, starting: 1, pending: 1 })
    await scheduler.kill(slow)
    await running(scheduler, next)
  })

  test('a tenant with much waiting does not keep another from its turn', async () => {
    const { scheduler } = await open({ capacity: { ...capacity, vms: 1 } })
    await using _closed = scheduler
    const greedy: string[] = []
    for (let n = 0; n < 3; n += 1) greedy.push(await scheduler.accept(sleeper, { by: { id: 'greedy' } }))
    const modest = await scheduler.accept(sleeper, { by: { id: 'modest' } })
    await running(scheduler, greedy[0]!)
    await scheduler.kill(greedy[0]!)
    // With nothing running the two are even, and the earlier comes; then it is the turn of who has less.
    await running(scheduler, greedy[1]!)
    expect((await scheduler.summary(modest)).status).toBe('pending')
  })

  test('a workload that waits is killed without having run, and whoever reads its log is told', async () => {
    const { scheduler } = await open({ capacity: { ...capacity, vms: 1 } })
    await using _closed = scheduler
    await scheduler.accept(sleeper)
    const id = await scheduler.accept(sleeper)
    const [early, ended] = [outputOf(scheduler, id), scheduler.ended(id, soon())]
    await scheduler.kill(id)
    await ended
    expect(await scheduler.record(id)).toMatchObject({
      status: 'killed',
      exit: { by: 'killed', message: 'killed while it waited' },
      stdout: '',
    })
    expect((await scheduler.summary(id)).started_at).toBeUndefined()
    for (const seen of [await early, await outputOf(scheduler, id)])
      expect(seen).toEqual({ output: '', kinds: ['status', 'end'], ids: [1, 2] })
  })

  test('a kill in whatever moment after the acceptance ends the workload, and twice is once too often', async () => {
    const { scheduler, backend } = await open()
    await using _closed = scheduler
    for (const code of ['# fake: start 600000', '# fake: sleep 600000']) {
      const id = await scheduler.accept({ runtime: 'python', code })
      await scheduler.kill(id)
      await scheduler.ended(id, soon())
      expect(await scheduler.summary(id)).toMatchObject({ status: 'killed', exit: { by: 'killed' } })
      await expect(scheduler.kill(id)).rejects.toMatchObject({ code: 'already_ended' })
    }
    expect(backend.live.size).toBe(0)
  })
})

test('closing kills what runs and what waits, ends every log, and takes nothing more', async () => {
  const { scheduler, backend } = await open()
  const ids: string[] = []
  for (let n = 0; n < 4; n += 1) ids.push(await scheduler.accept(sleeper))
  await running(scheduler, ids[0]!)
  const logs = ids.map((id) => outputOf(scheduler, id))
  await scheduler[Symbol.asyncDispose]()
  for (const { kinds } of await Promise.all(logs)) expect(kinds.at(-1)).toBe('end')
  for (const id of ids) expect(await scheduler.summary(id)).toMatchObject({ status: 'killed' })
  expect(backend.live.size).toBe(0)
  await expect(scheduler.accept(sleeper)).rejects.toMatchObject({ code: 'shutting_down' })
})

test('a program that says nothing leaves no file, and its log is whole all the same', async () => {
  const { scheduler } = await open()
  const id = await scheduler.accept({ runtime: 'python', code: '# fake: exit 3' })
  const followed = outputOf(scheduler, id)
  await scheduler.ended(id, soon())
  const whole = { output: '', kinds: ['status', 'status', 'end'], ids: [1, 2, 3] }
  expect(await followed).toEqual(whole)
  expect(await outputOf(scheduler, id)).toEqual(whole)
  expect(await readdir(join(home(), 'runs'))).toEqual([])
  await scheduler[Symbol.asyncDispose]()
})

test('the same idempotency key and body is the same workload, also at once and in the next process', async () => {
  const first = await open()
  const request = { runtime: 'python', code: '# fake: print once', idempotency_key: 'k' }
  const [one, two] = await Promise.all([first.scheduler.accept(request), first.scheduler.accept(request)])
  expect(two).toBe(one)
  await first.scheduler.release()
  const { scheduler } = await open()
  await using _closed = scheduler
  expect(await scheduler.accept(request)).toBe(one)
  const conflict = { code: 'idempotency_conflict', field: '/idempotency_key' }
  await expect(scheduler.accept({ ...request, code: '# other' })).rejects.toMatchObject(conflict)
  expect(await scheduler.accept(request, { by: { id: 'another' } })).not.toBe(one)
})

test('only so many ended workloads are kept, the oldest go first with their files', async () => {
  const { scheduler } = await open({ retention: { ...testSettings.retention, count: 2 } })
  await using _closed = scheduler
  const ids: string[] = []
  for (const n of [1, 2, 3, 4]) {
    const id = await scheduler.accept({ runtime: 'python', code: `# fake: print ${n}`, idempotency_key: `k${n}` })
    await scheduler.ended(id, soon())
    ids.push(id)
  }
  expect(await scheduler.sweep({ dryRun: true })).toBe(2)
  expect(await scheduler.sweep()).toBe(2)
  expect(await scheduler.sweep()).toBe(0)
  expect((await readdir(join(home(), 'runs'))).sort()).toEqual(ids.slice(2))
  await expect(scheduler.record(ids[0]!)).rejects.toMatchObject({ code: 'not_found' })
  await expect(outputOf(scheduler, ids[0]!)).rejects.toMatchObject({ code: 'not_found' })
  await expect(scheduler.ended(ids[0]!, never)).rejects.toMatchObject({ code: 'not_found' })
  // What was run is not run again because nobody knows how it went.
  const again = { runtime: 'python', code: '# fake: print 1', idempotency_key: 'k1' }
  await expect(scheduler.accept(again)).rejects.toMatchObject({
    code: 'not_found',
    field: '/idempotency_key',
    message: expect.stringContaining(`${ids[0]}, which has ended and is forgotten`) as string,
  })
  expect(await scheduler.counts()).toEqual({ completed: 2 })
})

test('what was taken in once is answered, however full the queue is', async () => {
  const { scheduler } = await open({ pending: 1, capacity: { ...testSettings.capacity, vms: 0 } })
  await using _closed = scheduler
  const request = { runtime: 'python', code: '# fake: print once', idempotency_key: 'k' }
  const id = await scheduler.accept(request)
  const overloaded = { code: 'overloaded' }
  await expect(scheduler.accept({ runtime: 'python', code: '# fake: print more' })).rejects.toMatchObject(overloaded)
  expect(await scheduler.accept(request)).toBe(id)
})

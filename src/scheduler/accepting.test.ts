/** What happens to a workload while it is on its way to the disk, which takes as long here as a test says. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FakeBackend } from '../backend/fake.ts'
import { Store } from '../store/store.ts'
import { capacity, running, schedulers, sleeper } from './trial.ts'

const { home, open } = schedulers()

/** A backend that counts what it is asked for. */
class Counting extends FakeBackend {
  asked = 0

  override execute(...words: Parameters<FakeBackend['execute']>): ReturnType<FakeBackend['execute']> {
    this.asked += 1
    return super.execute(...words)
  }
}

/** A scheduler with room for one, that has seen that nothing waits; `insert` takes the place of its store's for the first. */
async function withDisk(insert: (whole: Store['insert']) => Store['insert']) {
  const store = await Store.open(home())
  const backend = new Counting()
  const [whole, claim] = [store.insert.bind(store), store.claim.bind(store)]
  const looked = Promise.withResolvers<void>()
  store.claim = async (...words) => {
    const claims = await claim(...words)
    looked.resolve()
    return claims
  }
  const { scheduler } = await open({ store, backend, capacity: { ...capacity, vms: 1 } })
  await looked.promise
  await settled()
  store.insert = (one) => {
    store.insert = whole
    return insert(whole)(one)
  }
  return {
    ...{ scheduler, backend },
    async [Symbol.asyncDispose]() {
      await scheduler[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

/** A disk that has taken in what it is given when that promise resolves. */
const slow = (written: Promise<void>) => (whole: Store['insert']) => async (one: Parameters<Store['insert']>[0]) => {
  const instead = whole(one)
  await written
  return instead
}

/** Enough turns for whatever does not wait for the disk. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await turn()
}

test('its vm is made ready meanwhile, and its program begins when it is there', async () => {
  const written = Promise.withResolvers<void>()
  await using disk = await withDisk(slow(written.promise))
  const { scheduler, backend } = disk
  const told: string[] = []
  scheduler.facts.on('workload.accepted', () => told.push('accepted'))
  scheduler.facts.on('workload.started', () => told.push('started'))
  const accepting = scheduler.accept(sleeper)
  await settled()
  expect([backend.asked, backend.live.size, told]).toEqual([1, 0, []])
  written.resolve()
  await running(scheduler, await accepting)
  expect([backend.asked, backend.live.size, told]).toEqual([1, 1, ['accepted', 'started']])
})

test('one that does not get there leaves nothing, and its place is free', async () => {
  const failed = Promise.withResolvers<undefined>()
  await using disk = await withDisk(() => () => failed.promise)
  const { scheduler, backend } = disk
  const accepting = scheduler.accept(sleeper)
  await settled()
  expect(backend.asked).toBe(1)
  failed.reject(new Error('EIO: i/o error, fdatasync'))
  await expect(accepting).rejects.toThrow('EIO')
  await settled()
  expect([backend.live.size, await readdir(join(home(), 'runs'))]).toEqual([0, []])
  await running(scheduler, await scheduler.accept(sleeper))
})

test('one that could not be started, and then does not get there, was never there', async () => {
  const failed = Promise.withResolvers<undefined>()
  await using disk = await withDisk(() => () => failed.promise)
  const { scheduler } = disk
  const told: string[] = []
  for (const fact of ['workload.accepted', 'workload.ended'] as const) scheduler.facts.on(fact, () => told.push(fact))
  const accepting = scheduler.accept({ runtime: 'python', code: '# fake: fail no image' })
  await settled()
  failed.reject(new Error('EIO: i/o error, fdatasync'))
  await expect(accepting).rejects.toThrow('EIO')
  await settled()
  expect(told).toEqual([])
})

test('the caller who traces is named before its end is told, once, however soon it ends', async () => {
  await using disk = await withDisk((whole) => whole)
  const { scheduler } = disk
  const told: (string | undefined)[] = []
  scheduler.facts.on('workload.accepted', ({ traceparent }) => told.push(traceparent))
  const end = new Promise<void>((tell) => scheduler.facts.on('workload.ended', () => tell()))
  const short = { runtime: 'python', code: '# fake: fail no image', idempotency_key: 'short' }
  const id = await scheduler.accept(short, { traceparent: 'of the first' })
  await end.then(() => told.push('ended'))
  expect(await scheduler.accept(short, { traceparent: 'of the second' })).toBe(id)
  expect(told).toEqual(['of the first', 'ended'])
})

test('nothing is begun of what a quota may refuse', async () => {
  const answer = Promise.withResolvers<Awaited<ReturnType<Store['insert']>>>()
  await using disk = await withDisk(() => () => answer.promise)
  const { scheduler, backend } = disk
  const by = { id: 'spender', quotas: { cpu_seconds: 60 } }
  const accepting = scheduler.accept(sleeper, { by })
  await settled()
  answer.resolve({ quota: 'cpu_seconds', limit: 60 })
  await expect(accepting).rejects.toMatchObject({ code: 'quota_exceeded' })
  expect(backend.asked).toBe(0)
})

test('a server that stops meanwhile leaves it to the next one', async () => {
  const written = Promise.withResolvers<void>()
  await using disk = await withDisk(slow(written.promise))
  const { scheduler, backend } = disk
  const accepting = scheduler.accept(sleeper)
  await settled()
  const releasing = scheduler.release()
  await settled()
  written.resolve()
  const id = await accepting
  await releasing
  expect(backend.live.size).toBe(0)
  const next = await open()
  await using _closed = next.scheduler
  await running(next.scheduler, id)
})

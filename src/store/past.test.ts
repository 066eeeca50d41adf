import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { orderedId } from '../base/id.ts'
import { Store } from './store.ts'
import { roomy, testWorkload } from './testing.ts'
import type { NewWorkload } from './workloads.ts'

const capacity = { ...roomy, vms: 1e6, starting: 1e6, cpus: 1e6, memMib: 1e9 }
const claim = { node: 'n', now: 1, leaseMs: 1, capacity, runtimes: ['python'], most: 1e6 }
const ended = { status: 'completed', record: '{}', given: '{}', bytes: 10, cpuMs: 0 } as const

const workload = (more: Partial<NewWorkload>): NewWorkload => testWorkload({ tenant: 'a', ...more })

/** Ids of as many workloads that ended at 0, 100, 200 … */
async function past(store: Store, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => orderedId())
  // Few are open at once, as it is in life: a claim counts what runs.
  for (let from = 0; from < count; from += 100) {
    const some = ids.slice(from, from + 100)
    await Promise.all(some.map((id) => store.insert(workload({ id, idempotency: { key: id, body: '' } }))))
    const { claimed } = await store.claim(claim)
    await Promise.all(claimed.map((one, at) => store.finish(one, { ...ended, at: (from + at) * 100 })))
  }
  return ids
}

async function opened() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-past-'))
  const store = await Store.open(folder.path)
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('what is forgotten goes by count, by size and by age, what ended first before the others', async () => {
  await using home = await opened()
  const { store } = home
  const ids = await past(store, 5)
  const bounds = { count: 10, bytes: 1000, endedAfter: 0 }
  const outdated = async (more: Partial<typeof bounds>) => {
    const last = await store.newestOutdated({ ...bounds, ...more })
    return last && store.oldest(last, 10)
  }
  expect(await outdated({})).toBeUndefined()
  expect(await outdated({ count: 3 })).toEqual(ids.slice(0, 2))
  expect(await outdated({ bytes: 20 })).toEqual(ids.slice(0, 3))
  expect(await outdated({ endedAfter: 150 })).toEqual(ids.slice(0, 2))
  expect(await outdated({ count: 0 })).toEqual(ids)
  expect(await store.countUpTo((await store.newestOutdated({ ...bounds, count: 3 }))!)).toBe(2)
  await store.remove(ids.slice(0, 4))
  expect(await store.known(ids)).toEqual(new Set(ids.slice(4)))
})

/** How often others had their turn while something was done. */
async function turnsDuring(act: () => Promise<unknown>): Promise<number> {
  let turns = 0
  const count = () => {
    turns += 1
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  await act()
  clearImmediate(counting)
  return turns
}

test('a long past is looked through and forgotten in steps, between which others have their turn', async () => {
  await using home = await opened()
  const { store } = home
  const ids = await past(store, 3500)
  const last = await store.newestOutdated({ count: 3200, bytes: 1e9, endedAfter: 0 })
  expect(last).toEqual({ id: ids[299], finishedAt: 29_900, bytes: 10 })
  const look = () => store.newestOutdated({ count: 3200, bytes: 1e9, endedAfter: 0 })
  expect(await turnsDuring(look)).toBeGreaterThanOrEqual(3)
  expect(await store.oldest(last!, 200)).toEqual(ids.slice(0, 200))
  expect(await store.freeKeys(1000, 3000)).toBe(3000)
  expect(await store.freeKeys(1000, 3000)).toBe(500)
})

test('a runtime that is rare is looked for in steps, and what is found is the same as in one go', async () => {
  await using home = await opened()
  const { store } = home
  const all: string[] = []
  for (let n = 0; n < 3; n += 1) {
    const id = orderedId()
    await store.insert(workload({ runtime: 'go', id }))
    all.unshift(id)
    await past(store, 1200)
  }
  const listed = async (more: object) => (await store.list({ runtime: 'go', limit: 10, ...more })).map(({ id }) => id)
  expect(await turnsDuring(async () => expect(await listed({})).toEqual(all))).toBeGreaterThanOrEqual(3)
  expect(await listed({ tenant: 'a' })).toEqual(all)
  expect(await listed({ limit: 2 })).toEqual(all.slice(0, 2))
  expect(await listed({ before: all[0] })).toEqual(all.slice(1))
  expect(await listed({ status: 'pending' })).toEqual(all)
  expect(await listed({ status: 'completed' })).toEqual([])
  expect(await listed({ tenant: 'b' })).toEqual([])
})

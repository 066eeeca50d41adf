/** Which node gets what, and when. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Store } from './store.ts'
import { roomy, testWorkload } from './testing.ts'
import { firstFence, type NewWorkload } from './workloads.ts'

const home = () => mkdtempDisposable(join(tmpdir(), 'vulcan-claims-'))

const workload = (more: Partial<NewWorkload> = {}): NewWorkload => testWorkload({ tenant: 'a', memMib: 256, ...more })

const mine = { node: 'n', now: 2000, leaseMs: 30_000, capacity: roomy, runtimes: ['python', 'node'], most: 1 }
const end = { status: 'completed', at: 3000, record: '{}', given: '{}', bytes: 10, cpuMs: 0 } as const

test('one claim takes all there is room for, also what is kept in the same moment', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const all = Array.from({ length: 5 }, () => workload())
  const claimed = store.claim({ ...mine, most: 4 })
  await Promise.all(all.map((one) => store.insert(one)))
  expect((await claimed).claimed.map(({ id }) => id)).toEqual(all.slice(0, 4).map(({ id }) => id))
  // And says whether anything waits still.
  expect((await claimed).left).toBe(true)
  expect(await store.claim(mine)).toMatchObject({ claimed: [{ id: all[4]?.id }], left: false })
  expect(await store.claim(mine)).toEqual({ claimed: [], left: false })
})

test('one that is kept with a lease is its node’s from the first moment, also for the next process', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const one = workload()
  await store.insert({ ...one, lease: { node: mine.node, until: 5 }, unlimited: true })
  expect(await store.claim(mine)).toEqual({ claimed: [], left: false })
  expect(await store.load({ node: mine.node, overheadMib: 0 })).toMatchObject({ vms: 1, starting: 1 })
  expect(await store.cancel(one.id, { status: 'killed', at: 1, record: '{}', given: '{}', bytes: 0 })).toBe(false)
  const [again] = await store.takeOver(mine.node, 9)
  const last = { status: 'completed', at: 1, record: '{}', given: '{}', bytes: 0, cpuMs: 0 } as const
  expect(await store.finish({ id: one.id, fence: firstFence }, last)).toBe(false)
  expect(again).toMatchObject({ id: one.id, fence: firstFence + 1 })
  expect(await store.finish(again!, last)).toBe(true)
})

test('the queue: priority first, then who has least running, then arrival', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const [a1, a2, a3] = [workload(), workload(), workload()]
  const b1 = workload({ tenant: 'b' })
  const urgent = workload({ tenant: 'b', priority: 5 })
  for (const one of [a1, a2, a3, b1, urgent]) await store.insert(one)
  expect(await store.countBefore({ id: b1.id, priority: 0 })).toBe(4)
  const order: (string | undefined)[] = []
  for (let n = 0; n < 6; n += 1) order.push((await store.claim(mine)).claimed[0]?.id)
  // After the urgent one, b has one running: a's first, then both have one and the earlier comes.
  expect(order).toEqual([urgent.id, a1.id, a2.id, b1.id, a3.id, undefined])
})

test('what does not fit waits and lets nothing smaller by, unless nothing else runs', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const [first, large, small] = [workload(), workload({ memMib: 8000 }), workload()]
  for (const one of [first, large, small]) await store.insert(one)
  expect((await store.claim(mine)).claimed[0]?.id).toBe(first.id)
  expect((await store.claim(mine)).claimed).toEqual([])
  await store.finish({ id: first.id, fence: 1 }, end)
  expect((await store.claim(mine)).claimed[0]?.id).toBe(large.id)
  expect((await store.claim(mine)).claimed).toEqual([])
  expect(await store.load({ node: 'n', overheadMib: 96 })).toEqual({
    vms: 1,
    starting: 1,
    cpus: 1,
    memMib: 8096,
    diskMib: 16,
  })
})

test('disks of vms that run together fit on that of their node; a larger one has it alone', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const narrow = { ...mine, capacity: { ...roomy, diskMib: 1000 } }
  const [first, second, third] = [600, 400, 16].map((diskMib) => workload({ diskMib }))
  const larger = workload({ diskMib: 5000 })
  for (const one of [first, second, third, larger]) await store.insert(one!)
  const claimed = async () => (await store.claim(narrow)).claimed[0]?.id
  expect([await claimed(), await claimed(), await claimed()]).toEqual([first?.id, second?.id, undefined])
  await store.finish({ id: first!.id, fence: 1 }, end)
  expect([await claimed(), await claimed()]).toEqual([third?.id, undefined])
  for (const one of [second, third]) await store.finish({ id: one!.id, fence: 1 }, end)
  expect(await claimed()).toBe(larger.id)
})

test('a node has at most so many vms, so many cores, and so many that start at once', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const claimed = async (bounds: Partial<typeof roomy>) =>
    (await store.claim({ ...mine, capacity: { ...roomy, ...bounds } })).claimed[0]?.id
  const all = Array.from({ length: 4 }, () => workload({ cpus: 2 }))
  for (const one of all) await store.insert(one)
  expect(await claimed({})).toBe(all[0]?.id)
  expect(await claimed({ starting: 1 })).toBeUndefined()
  expect(await store.started({ id: all[0]!.id, fence: 1 }, () => ({ at: 1, record: '{}' }))).toBe(true)
  expect(await claimed({ starting: 1 })).toBe(all[1]?.id)
  expect(await claimed({ vms: 2 })).toBeUndefined()
  expect(await claimed({ cpus: 5 })).toBeUndefined()
  expect(await claimed({ cpus: 6 })).toBe(all[2]?.id)
})

test('a node claims only what it has an image for', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const go = workload({ runtime: 'go' })
  const python = workload()
  await store.insert(go)
  await store.insert(python)
  expect((await store.claim(mine)).claimed[0]?.id).toBe(python.id)
  expect((await store.claim(mine)).claimed).toEqual([])
  expect((await store.claim({ ...mine, runtimes: ['go'] })).claimed[0]?.id).toBe(go.id)
})

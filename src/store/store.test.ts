import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { page, SmallDisk } from '../base/smalldisk.ts'
import { expect, test } from 'vitest'
import { Store } from './store.ts'
import { roomy, testWorkload } from './testing.ts'
import type { NewWorkload } from './workloads.ts'

async function home() {
  return mkdtempDisposable(join(tmpdir(), 'vulcan-store-'))
}

const workload = (more: Partial<NewWorkload> = {}): NewWorkload =>
  testWorkload({ tenant: 'a', memMib: 256, createdAt: 1000, ...more })

const mine = { node: 'n', now: 2000, leaseMs: 30_000, capacity: roomy, runtimes: ['python', 'node'], most: 1 }
const end = { status: 'completed', at: 3000, record: '{}', given: '{}', bytes: 10, cpuMs: 0 } as const

test('what was kept is there for the next process', async () => {
  await using folder = await home()
  const one = workload({ labels: { team: 'x' } })
  {
    await using store = await Store.open(folder.path)
    await store.insert(one)
  }
  await using store = await Store.open(folder.path)
  expect(await store.find(one.id)).toMatchObject({ id: one.id, status: 'pending', labels: { team: 'x' } })
  expect(await store.list({ label: { name: 'team', value: 'x' }, limit: 5 })).toHaveLength(1)
  expect(await store.list({ label: { name: 'team', value: 'y' }, limit: 5 })).toHaveLength(0)
})

test('changes that come together share a commit, and one that fails takes none with it', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const twice = workload()
  const others = Array.from({ length: 50 }, () => workload())
  const outcomes = await Promise.allSettled([twice, ...others, twice].map((one) => store.insert(one)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(51)
  expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'store_failed', message: /keeping a workload: UNIQUE/ } })
  expect(await store.list({ limit: 100 })).toHaveLength(51)
})

test('a full disk is told as that, and once it has room what comes is kept', async () => {
  await using disk = await SmallDisk.make(512)
  await using store = await Store.open(disk.folder)
  const large = () => workload({ spec: JSON.stringify('x'.repeat(64 * page)) })
  await store.insert(workload())
  await disk.leave(8)
  const failed = { code: 'store_failed', message: expect.stringContaining('database or disk is full') as string }
  await expect(store.insert(large())).rejects.toMatchObject(failed)
  // Those that share a commit fail each for itself.
  const outcomes = await Promise.allSettled([store.insert(large()), store.insert(large())])
  expect(outcomes).toMatchObject([{ reason: failed }, { reason: failed }])
  await disk.leave(500)
  await store.insert(large())
  expect(await store.list({ limit: 100 })).toHaveLength(2)
})

test('a patient change shares the commit of the next one, and comes before it', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const one = workload()
  await store.insert(one)
  const [claimed] = (await store.claim(mine)).claimed
  const noted = store.started(claimed!, () => ({ at: 2500, record: '{}' }))
  const ended = store.finish(claimed!, end)
  expect(await Promise.all([noted, ended])).toEqual([true, true])
  expect(await store.find(one.id)).toMatchObject({ status: 'completed', startedAt: 2500 })
})

test('a listing sees the note of a start that still waits for company', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const one = workload()
  await store.insert(one)
  await store.claim(mine)
  const noted = store.started({ id: one.id, fence: 1 }, () => ({ at: 1, record: '{}' }))
  expect((await store.list({ status: 'running', limit: 5 })).map(({ id }) => id)).toEqual([one.id])
  expect(await store.countByStatus()).toEqual({ running: 1 })
  expect(await noted).toBe(true)
})

test('an idempotency key keeps its first workload until it is freed or that is forgotten', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const idempotency = { key: 'k', body: 'digest' }
  const first = workload({ idempotency })
  const [, again] = await Promise.all([store.insert(first), store.insert(workload({ idempotency }))])
  expect(again).toEqual({ workload: first.id, body: 'digest' })
  expect(await store.usedBefore('b', 'k')).toBeUndefined()
  expect(await store.insert(workload({ tenant: 'b', idempotency }))).toBeUndefined()
  expect(await store.freeKeys(1001, 10)).toBe(2)
  expect(await store.usedBefore('a', 'k')).toBeUndefined()
})

test('only who waits can be cancelled, only who owns can finish, and once', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const [one, two] = [workload(), workload()]
  await store.insert(one)
  await store.insert(two)
  const [claimed] = (await store.claim(mine)).claimed
  expect(await store.cancel(one.id, { ...end, status: 'killed' })).toBe(false)
  expect(await store.cancel(two.id, { ...end, status: 'killed', given: '"nothing"' })).toBe(true)
  expect(await store.given(two.id)).toBe('"nothing"')
  expect((await store.claim(mine)).claimed).toEqual([])
  const owned = { id: one.id, fence: claimed?.fence ?? 0 }
  expect(await store.finish({ ...owned, fence: owned.fence + 1 }, end)).toBe(false)
  expect(await store.given(one.id)).toBeUndefined()
  expect(await store.finish(owned, { ...end, given: '"what it gave"' })).toBe(true)
  expect(await store.given(one.id)).toBe('"what it gave"')
  expect(await store.finish(owned, end)).toBe(false)
  expect(await store.countByStatus()).toEqual({ completed: 1, killed: 1 })
})

test('a damaged file, and one that a newer program wrote, are refused in words', async () => {
  await using folder = await home()
  await writeFile(join(folder.path, 'vulcan.db'), 'this is no database, whatever its name says, and long enough')
  await expect(Store.open(folder.path)).rejects.toMatchObject({ code: 'store_failed', message: /not a database/ })

  await using other = await home()
  await (await Store.open(other.path))[Symbol.asyncDispose]()
  const database = new DatabaseSync(join(other.path, 'vulcan.db'))
  database.exec(`insert into kysely_migration values ('9999-later', '2030-01-01')`)
  database.close()
  await expect(Store.open(other.path)).rejects.toMatchObject({ code: 'store_failed', message: /9999-later/ })
})

test('what was asked for is told before the end and after it, where the end says to keep it', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  const [kept, dropped, cancelled] = [workload(), workload(), workload()].map((one, at) => ({
    ...one,
    spec: `"${at}"`,
  }))
  for (const one of [kept!, dropped!, cancelled!]) await store.insert(one)
  const told = () => Promise.all([kept!, dropped!, cancelled!].map(({ id }) => store.request(id)))
  expect(await told()).toEqual(['"0"', '"1"', '"2"'])
  const [first, second] = (await store.claim({ ...mine, most: 2 })).claimed
  expect(await store.finish(first!, { ...end, request: first!.spec })).toBe(true)
  expect(await store.finish(second!, end)).toBe(true)
  expect(await store.cancel(cancelled!.id, { ...end, status: 'killed', request: '"2"' })).toBe(true)
  expect(await told()).toEqual(['"0"', undefined, '"2"'])
  expect(await store.request('nobody')).toBeUndefined()
  await store.remove([kept!.id])
  expect(await store.request(kept!.id)).toBeUndefined()
})

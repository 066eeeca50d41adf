/**
 * Every statement of the store on PostgreSQL: two stores are asked the same, one of each dialect, and have to answer the same. What
 * is right, the other tests say.
 */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import fc from 'fast-check'
import { PGliteDialect } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Queue, shownOf } from './leasemodel.ts'
import { insertTenants, moves } from './leasemoves.ts'
import { Store } from './store.ts'
import { storeOn } from './storeon.ts'
import { roomy, testWorkload } from './testing.ts'
import type { NewWorkload } from './workloads.ts'

/** Takes seconds to start: one for all. */
let server: PGlite
beforeAll(async () => void (server = await PGlite.create()))
afterAll(() => server.close())

/** An empty store on it. */
async function openPostgres(): Promise<Store> {
  await server.exec('drop schema public cascade; create schema public')
  return storeOn(new PGliteDialect({ pglite: server }))
}

type Asked = Exclude<keyof Store, symbol>

/** A store that is two. `asked`: the names of what it was. */
async function openBoth() {
  await using made = new AsyncDisposableStack()
  const folder = made.use(await mkdtempDisposable(join(tmpdir(), 'vulcan-dialects-')))
  const [sqlite, postgres] = [made.use(await Store.open(folder.path)), made.use(await openPostgres())]
  const asked = new Set<string>()
  const ask = async (name: Asked, words: unknown[]): Promise<unknown> => {
    asked.add(name)
    const [one, other] = [sqlite, postgres].map((store) => Reflect.apply(store[name], store, words) as Promise<unknown>)
    const [first] = await Promise.allSettled([one, other])
    if (first.status === 'rejected') await expect(other).rejects.toMatchObject({ code: 'store_failed' })
    else expect(await other, `${name} of ${JSON.stringify(words)}`).toEqual(first.value)
    return one
  }
  const get =
    (_: Store, name: string) =>
    (...words: unknown[]) =>
      ask(name as Asked, words)
  const opened = made.move()
  return {
    store: new Proxy(sqlite, { get }),
    asked,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const noon = Date.UTC(2030, 0, 2, 12)
const leaseMs = 30_000
const capacity = { ...roomy, vms: 100, starting: 100, cpus: 100, memMib: 1 << 20 }
const mine = { node: 'n', now: noon, leaseMs, capacity, runtimes: ['python', 'go'], most: 1 }
const end = { status: 'completed', at: noon, record: '{}', given: '"out"', bytes: 10, cpuMs: 2000 } as const
const killed = { status: 'killed', at: noon, record: '{}', given: '{}', request: '"in"', bytes: 1 } as const

const workload = (tenant: string, more: Partial<NewWorkload> = {}): NewWorkload =>
  testWorkload({ tenant, cpus: 0.5, createdAt: noon, spec: '"in"', ...more })

async function keys(store: Store): Promise<void> {
  const key = { name: 'k', scopes: ['run'], createdAt: 1, expiresAt: noon } as const
  await store.insertKey({ ...key, id: 'a', hash: 'A', quotas: { running: 2, queued: 3, cpu_seconds: 3 } })
  await store.insertKey({ ...key, id: 'b', hash: 'B', quotas: {}, expiresAt: undefined })
  await store.insertKey({ ...key, id: 'c', hash: 'B', quotas: {} }).catch(() => 'a hash is of one key')
  await store.noteUse('a', 5)
  for (const at of [7, 9]) await store.revokeKey('b', at)
  await store.revokeKey('nobody', 9)
  for (const hash of ['A', 'B', 'C']) await store.keyByHash(hash)
  expect(await store.keys()).toHaveLength(2)
}

async function takingIn(store: Store): Promise<void> {
  const idempotency = { key: 'k', body: 'digest' }
  const first = workload('a', { idempotency, labels: { team: 'x', stage: 'y' } })
  await store.insert(first)
  await store.unfinished()
  const more = [first, workload('a'), workload('a', { idempotency }), workload('a', { priority: 5 }), workload('a')]
  // They share a commit, which the first of them spoils; the last is one too many.
  await Promise.allSettled(more.map((one) => store.insert(one)))
  await store.exceeded('a', noon)
  await store.insert(workload('b', { lease: { node: 'n', until: noon }, unlimited: true }))
  await store.usedBefore('a', 'k')
  await store.usedBefore('b', 'k')
  for (const { id } of [first, workload('nobody')]) {
    for (const read of ['find', 'given', 'request'] as const) await store[read](id)
  }
  await store.countBefore(first)
  await store.countByStatus()
  await store.known([first.id, 'nobody'])
  expect(await store.countWaiting()).toBe(3)
}

async function leases(store: Store): Promise<void> {
  // The key's two, the more urgent first; its third has to wait.
  const [one, two, none] = (await store.claim({ ...mine, most: 9 })).claimed
  expect([one, two, none]).toMatchObject([{ priority: 5 }, { priority: 0 }, undefined])
  await store.load({ node: 'n', overheadMib: 96 })
  await store.renew('n', noon + 1)
  await store.giveBack(two!)
  await store.started(one!, () => ({ at: noon, record: '{}' }))
  await store.countByStatus()
  const [, begun] = await store.takeOver('n', noon + 1)
  for (const lost of [one!, two!]) await store.finish(lost, end)
  await store.finish(begun!, { ...end, request: '"in"', startedAt: noon })
  // Both add to what their key spends on that day.
  for (let left = 2; left > 0; left -= 1) {
    const { claimed } = await store.claim(mine)
    await store.finish(claimed[0]!, end)
  }
  expect(await store.exceeded('a', noon)).toEqual({ quota: 'cpu_seconds', limit: 3 })
  await store.forgetSpent(noon + 24 * 3600 * 1000)
  expect(await store.exceeded('a', noon)).toBeUndefined()
  expect(await store.reap({ node: 'm', now: noon + 2, leaseMs })).toHaveLength(1)
  await store.cancel(one!.id, killed)
  for (const { id } of [one!, two!, begun!]) {
    for (const read of ['find', 'given', 'request'] as const) await store[read](id)
  }
}

/** More than is looked through in one go. */
const many = 1100

async function listings(store: Store): Promise<void> {
  const all = Array.from({ length: many }, (_, at) => {
    const idempotency = { key: String(at), body: '' }
    const labels: Record<string, string> = at % 3 === 0 ? { team: 'x' } : {}
    return workload(at % 2 === 0 ? 'b' : 'c', { runtime: at < 5 ? 'go' : 'python', labels, idempotency, createdAt: at })
  })
  await Promise.all(all.map((one) => store.insert(one)))
  await Promise.all(all.slice(3).map(({ id }, at) => store.cancel(id, { ...killed, at: noon + (at % 700) })))
  let filters = [{}]
  const conditions = [{ tenant: 'b' }, { status: 'killed' }, { runtime: 'go' }, { label: { name: 'team', value: 'x' } }]
  for (const one of [...conditions, { before: all[1050]!.id }]) {
    filters = filters.flatMap((others) => [others, { ...others, ...one }])
  }
  let found = 0
  for (const filter of filters) found += (await store.list({ ...filter, limit: 10 })).length
  expect(found).toBeGreaterThan(100)
}

async function past(store: Store): Promise<void> {
  const bounds = { count: 1050, bytes: 1e6, endedAfter: 0 }
  const last = await store.newestOutdated(bounds)
  await store.newestOutdated({ ...bounds, count: many })
  expect(await store.countUpTo(last!)).toBe(50)
  const ids = await store.oldest(last!, 40)
  await store.remove(ids)
  expect(await store.known(ids)).toEqual(new Set())
  await store.ageOfKey(10)
  await store.ageOfKey(2 * many)
  expect(await store.freeKeys(1000, 700)).toBe(700)
  await store.freeKeys(1000, 700)
}

test('whatever a store is asked, PostgreSQL answers what SQLite does', async () => {
  await using both = await openBoth()
  const { store, asked } = both
  for (const story of [keys, takingIn, leases, listings, past]) await story(store)
  const all = Object.getOwnPropertyNames(Store.prototype).filter((name) => name !== 'constructor')
  expect([...asked].toSorted(), 'what is never asked here').toEqual(all.toSorted())
})

test('the lease machine is the same on PostgreSQL', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      await using both = await openBoth()
      const { store } = both
      await insertTenants(store)
      const model = new Queue()
      await fc.asyncModelRun(() => ({ model, real: { store } }), all)
      for (const one of model.all) expect(await store.find(one.id)).toMatchObject(shownOf(one))
    }),
    { numRuns: 5, interruptAfterTimeLimit: 40_000 },
  )
})

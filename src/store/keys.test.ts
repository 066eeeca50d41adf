import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { KeyQuotas } from '../api/keys.ts'
import type { FreshKey } from './keys.ts'
import { Store } from './store.ts'
import { roomy, testWorkload } from './testing.ts'
import type { NewWorkload } from './workloads.ts'

const noon = Date.UTC(2030, 0, 2, 12)
const dayMs = 24 * 3600 * 1000
const mine = { node: 'n', now: noon, leaseMs: 30_000, capacity: roomy, runtimes: ['python'], most: 1 }

const home = () => mkdtempDisposable(join(tmpdir(), 'vulcan-keys-'))

function key(id: string, quotas: KeyQuotas = {}): FreshKey {
  return { id, name: id, hash: `hash of ${id}`, scopes: ['run'], quotas, createdAt: 1, expiresAt: undefined }
}

const workload = (tenant: string, more: Partial<NewWorkload> = {}): NewWorkload =>
  testWorkload({ tenant, createdAt: noon, ...more })

async function endNext(store: Store, { at, cpuMs }: { at: number; cpuMs: number }): Promise<string | undefined> {
  const [claimed] = (await store.claim(mine)).claimed
  if (!claimed) return undefined
  const end = { status: 'completed', at, record: '{}', given: '{}', bytes: 0, cpuMs } as const
  expect(await store.finish(claimed, end)).toBe(true)
  expect(await store.finish(claimed, end)).toBe(false)
  return claimed.id
}

test('a key is found by its hash, notes its use, and is revoked once and for all', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  await store.insertKey({ ...key('a', { running: 2 }), expiresAt: noon })
  expect(await store.keyByHash('hash of a')).toMatchObject({ id: 'a', quotas: { running: 2 }, expiresAt: noon })
  expect(await store.keyByHash('hash of b')).toBeUndefined()
  await store.noteUse('a', 5)
  expect(await store.revokeKey('a', 7)).toMatchObject({ lastUsedAt: 5, revokedAt: 7 })
  expect(await store.revokeKey('a', 9)).toMatchObject({ revokedAt: 7 })
  expect(await store.revokeKey('b', 9)).toBeUndefined()
  expect(await store.keys()).toMatchObject([{ id: 'a', revokedAt: 7 }])
})

test('a key at its limit of what runs is passed over, also by what is more urgent, until one of its own ends', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  await store.insertKey(key('a', { running: 1 }))
  const [a1, a2, b] = [workload('a', { priority: 9 }), workload('a', { priority: 9 }), workload('b')]
  for (const one of [a1, a2, b]) await store.insert(one)
  const [first] = (await store.claim(mine)).claimed
  expect(first?.id).toBe(a1.id)
  expect((await store.claim(mine)).claimed[0]?.id).toBe(b.id)
  expect((await store.claim(mine)).claimed).toEqual([])
  await store.finish(first!, { status: 'failed', at: noon, record: '{}', given: '{}', bytes: 0, cpuMs: 0 })
  expect((await store.claim(mine)).claimed[0]?.id).toBe(a2.id)
})

test('so many may wait, also when they come at once; what is claimed waits no more', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  await store.insertKey(key('a', { queued: 2 }))
  const idempotency = { key: 'k', body: 'digest' }
  const all = [workload('a', { idempotency }), workload('a'), workload('a'), workload('b')]
  const told = await Promise.all(all.map((one) => store.insert(one)))
  expect(told).toEqual([undefined, undefined, { quota: 'queued', limit: 2 }, undefined])
  expect(await store.insert(workload('a', { idempotency })), 'the same request again is no more work').toEqual({
    workload: all[0]?.id,
    body: 'digest',
  })
  await store.claim(mine)
  expect(await store.insert(workload('a'))).toBeUndefined()
})

test('processor time counts for the day on which its workload ended, once, and comes back the next', async () => {
  await using folder = await home()
  await using store = await Store.open(folder.path)
  await store.insertKey(key('a', { cpu_seconds: 3 }))
  for (const cpuMs of [1000, 1999]) {
    expect(await store.insert(workload('a'))).toBeUndefined()
    await endNext(store, { at: noon, cpuMs })
  }
  expect(await store.exceeded('a', noon)).toBeUndefined()
  await store.insert(workload('a'))
  await endNext(store, { at: noon, cpuMs: 1 })
  expect(await store.insert(workload('a'))).toEqual({ quota: 'cpu_seconds', limit: 3 })
  expect(await store.exceeded('b', noon)).toBeUndefined()
  expect(await store.exceeded('a', noon + dayMs)).toBeUndefined()
  await store.forgetSpent(noon)
  expect(await store.exceeded('a', noon)).toMatchObject({ quota: 'cpu_seconds' })
  await store.forgetSpent(noon + dayMs)
  expect(await store.exceeded('a', noon)).toBeUndefined()
})

test('what a store kept before there were keys is the local key’s', async () => {
  await using folder = await home()
  const one = workload('')
  {
    await using store = await Store.open(folder.path)
    await store.insert({ ...one, idempotency: { key: 'k', body: 'digest' } })
  }
  const database = new DatabaseSync(join(folder.path, 'vulcan.db'))
  database.exec(`drop table api_keys; drop table spent; drop index workloads_by_tenant;
    alter table given drop column request; alter table workloads drop column disk_mib;
    create index idempotency_by_workload on idempotency (workload);
    delete from kysely_migration where name >= '0002'`)
  database.close()
  await using store = await Store.open(folder.path)
  expect(await store.find(one.id)).toMatchObject({ tenant: 'local' })
  expect(await store.usedBefore('local', 'k')).toMatchObject({ workload: one.id })
})

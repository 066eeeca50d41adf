import { mkdir, mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Leftover } from '../backend/backend.ts'
import { exists } from '../base/files.ts'
import { builtSpawner } from '../base/builtprogram.ts'
import { Scope } from '../base/scope.ts'
import { Spawner } from '../base/spawner.ts'
import { cleanup, type Sweeping } from './leftovers.ts'
import { namesOf } from './names.ts'
import type { Networks } from './network/network.ts'
import type { Thing } from './network/things.ts'
import { bookIn } from './testing.ts'

const spawner = new Spawner(await builtSpawner())
const temporary = () => mkdtempDisposable(join(tmpdir(), 'vulcan-leftovers-'))
const nobody = new Set<string>()
const run = '01932c07-20e5-7c3f-9a53-5f0a1b2c3d4e'

const thing = (vmId: string): Thing => ({ kind: 'netns', name: vmId, why: 'its name', vmId, since: 5 })

/** A host with jails in a folder, and whose networks are names in a set. */
async function hostIn(folder: string) {
  const netns = new Set<string>()
  const stuck = new Set<string>()
  const strays: Thing[] = []
  const { book, places } = await bookIn(folder, netns)
  const networks = {
    things: () => Promise.resolve([...netns].map(thing)),
    remove: (vmId: string) => {
      if (stuck.has(vmId)) return Promise.reject(new Error('it is busy'))
      netns.delete(vmId)
      return Promise.resolve()
    },
  } as unknown as Networks
  const host: Sweeping = { places, book, networks, spawner, files: () => Promise.resolve(strays) }
  const makeJail = (vmId: string) => mkdir(join(namesOf(places, vmId).root, 'run'), { recursive: true })
  return { host, book, places, netns, stuck, strays, makeJail }
}

const told = (found: readonly Leftover[]) =>
  found.map(({ kind, owner, trouble }) => [kind, owner, ...(trouble === undefined ? [] : [trouble])].join(': '))

test('what is held, and what was given to a run that goes on, is owned; the rest is told with its owner and reason', async () => {
  await using folder = await temporary()
  const { host, book, places, netns, makeJail } = await hostIn(folder.path)
  const held = await book.enter(new Scope('held'), { kind: 'pool' })
  const goesOn = await book.enter(new Scope('goes on'), { kind: 'pool' })
  await book.give(goesOn, run)
  book.forget(goesOn)
  for (const vmId of [held, goesOn, 'test-00000000dead', 'other-00000000dead', 'test-notes']) {
    await makeJail(vmId)
    if (vmId.endsWith('dead') && vmId.startsWith('test-')) netns.add(vmId)
  }
  const found = await cleanup(host, new Set([run]), { dryRun: true })
  const { jail } = namesOf(places, 'test-00000000dead')
  expect(found).toEqual([
    { kind: 'netns', name: 'test-00000000dead', why: 'its name', owner: 'unknown', since: 5 },
    { kind: 'jail', name: jail, why: expect.stringContaining('named as this instance') as string, owner: 'unknown', since: expect.any(Number) as number }, // prettier-ignore
  ])
  expect(await cleanup(host, new Set([run]))).toEqual(found)
  expect((await readdir(join(places.home, 'jails/firecracker'))).toSorted()).toEqual(
    [held, goesOn, 'other-00000000dead', 'test-notes'].toSorted(),
  )
  expect(await cleanup(host, new Set([run]))).toEqual([])
})

test('what an undo has left is told as its owner’s, and once it is gone its entry and its uid go too', async () => {
  await using folder = await temporary()
  const { host, book, netns } = await hostIn(folder.path)
  const scope = new Scope('vm')
  const vmId = await book.enter(scope, { kind: 'run', id: run })
  netns.add(vmId)
  await scope.close()
  expect(told(await cleanup(host, nobody, { dryRun: true }))).toEqual([`netns: run ${run}`])
  expect(book.entries.has(vmId)).toBe(true)
  await cleanup(host, nobody)
  expect(book.entries.has(vmId)).toBe(false)
})

test('what cannot be removed has its trouble, keeps its entry, and keeps nothing else from its turn', async () => {
  await using folder = await temporary()
  const { host, book, places, netns, stuck, strays, makeJail } = await hostIn(folder.path)
  const vmIds = [
    await book.enter(new Scope('a'), { kind: 'template' }),
    await book.enter(new Scope('b'), { kind: 'pool' }),
  ]
  for (const vmId of vmIds) {
    await makeJail(vmId)
    netns.add(vmId)
    book.forget(vmId)
  }
  stuck.add(vmIds[0] as string)
  const remove = () => Promise.resolve(void strays.splice(0))
  strays.push({ kind: 'disk', name: 'half', why: 'nobody makes it', remove })
  const found = await cleanup(host, nobody)
  expect(told(found).toSorted()).toEqual([
    'disk: unknown',
    'jail: pool',
    'jail: template: it is busy',
    'netns: pool',
    'netns: template: it is busy',
  ])
  expect([...book.entries.keys()]).toEqual([vmIds[0]])
  expect(await exists(namesOf(places, vmIds[1] as string).jail)).toBe(false)
  stuck.clear()
  expect(told(await cleanup(host, nobody)).toSorted()).toEqual(['jail: template', 'netns: template'])
  expect(book.entries.size).toBe(0)
})

test('a vm that ends while it is looked for is no leftover', async () => {
  await using folder = await temporary()
  const { host, book, netns } = await hostIn(folder.path)
  const scope = new Scope('vm')
  const vmId = await book.enter(scope, { kind: 'pool' })
  netns.add(vmId)
  const things = async () => {
    const seen = [thing(vmId)]
    netns.clear()
    await scope.close()
    return seen
  }
  const networks = { things } as unknown as Networks
  expect(await cleanup({ ...host, networks }, nobody, { dryRun: true })).toEqual([])
  expect(book.held.size).toBe(0)
})

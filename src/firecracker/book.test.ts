import { chown, mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Scope } from '../base/scope.ts'
import { whoseIs } from './book.ts'
import { isOurs, namesOf } from './names.ts'
import { bookIn } from './testing.ts'

const [one, two] = ['01932c07-20e5-7c3f-9a53-5f0a1b2c3d4e', '01932c07-20e5-7c3f-9a53-5f0a1b2c3d4f'] as const
const temporary = () => mkdtempDisposable(join(tmpdir(), 'vulcan-book-'))
const pool = { kind: 'pool' } as const

test('a vm is written down with its owner and its uid before its id is known, and struck off when nothing is left', async () => {
  await using folder = await temporary()
  const { book, places } = await bookIn(folder.path)
  const scope = new Scope('vm')
  const vmId = await book.enter(scope, { kind: 'run', id: one })
  expect(isOurs(places, vmId)).toBe(true)
  expect([...book.held]).toEqual([vmId])
  const written = JSON.parse(await readFile(join(folder.path, 'vms', vmId), 'utf8')) as object
  expect(written).toEqual({ uid: 1000, owner: { kind: 'run', id: one }, since: expect.any(Number) as number })
  await scope.close()
  expect([[...book.held], [...book.entries], await readdir(join(folder.path, 'vms'))]).toEqual([[], [], []])
})

test('the uid of a vm of which something is left is nobody else’s, until it is struck off', async () => {
  await using folder = await temporary()
  const networked = new Set<string>()
  const { book } = await bookIn(folder.path, networked)
  const scope = new Scope('vm')
  const vmId = await book.enter(scope, pool)
  networked.add(vmId)
  await scope.close()
  expect(book.held.has(vmId)).toBe(false)
  const others = [new Scope('b'), new Scope('c'), new Scope('d')] as const
  const uids = []
  for (const other of others.slice(0, 2)) uids.push(book.uidOf(await book.enter(other, pool)))
  expect(uids).toEqual([1001, 1002])
  await expect(book.enter(others[2], pool)).rejects.toThrow(/all 3 uids/)
  networked.clear()
  await book.strike(vmId)
  expect(book.uidOf(await book.enter(new Scope('e'), pool))).toBe(1000)
})

test('the next server knows whose each vm was, and gives none of their uids', async () => {
  await using folder = await temporary()
  const before = await bookIn(folder.path)
  const given = await before.book.enter(new Scope('a'), pool)
  await before.book.give(given, one)
  const making = await before.book.enter(new Scope('b'), { kind: 'run', id: two })
  await writeFile(join(folder.path, 'vms', 'test-00000000dead'), '{"uid":10')
  const { book } = await bookIn(folder.path)
  expect([book.vmOf(one), book.vmOf(two)]).toEqual([given, undefined])
  expect([given, making].map((vmId) => whoseIs(book.entries.get(vmId)))).toEqual([`run ${one}`, `run ${two}`])
  expect([...book.held]).toEqual([])
  expect(book.uidOf(await book.enter(new Scope('c'), pool))).toBe(1002)
  expect((await readdir(join(folder.path, 'vms'))).length).toBe(3)
})

test('the next server knows what a run was being killed for; a vm that is gone is killed for nothing', async () => {
  await using folder = await temporary()
  const { book: before } = await bookIn(folder.path)
  const vmId = await before.enter(new Scope('vm'), pool)
  await before.give(vmId, one)
  expect(before.killedFor(vmId)).toBeUndefined()
  await before.noteKill(vmId, 'timeout')
  await before.noteKill('test-00000000000a', 'killed')
  const { book } = await bookIn(folder.path)
  expect([book.killedFor(vmId), book.killedFor('test-00000000000a'), book.vmOf(one)]).toEqual([
    'timeout',
    undefined,
    vmId,
  ])
})

test('for how long a vm has been its run’s is no matter of the clock, which somebody may set, nor of the server', async () => {
  await using folder = await temporary()
  const { book: before } = await bookIn(folder.path)
  const vmId = await before.enter(new Scope('vm'), pool)
  await before.give(vmId, one)
  const never = await before.enter(new Scope('other'), pool)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
  onTestFinished(() => void vi.useRealTimers())
  const { book } = await bookIn(folder.path)
  expect(book.heldMs(vmId)).toBeLessThan(60_000)
  expect(book.heldMs(vmId)).toBeGreaterThanOrEqual(0)
  expect(book.heldMs(never)).toBe(Infinity)
})

test('after a reboot, which forgot the book, jails are nobody’s; those of others are not looked at', async () => {
  await using folder = await temporary()
  const places = { instance: 'test', home: join(folder.path, 'home') }
  const vmId = 'test-00000000000a'
  for (const name of [vmId, 'other-00000000000a', 'test-notes']) {
    await mkdir(join(namesOf(places, name).root, 'run'), { recursive: true })
  }
  // As it is when the vm's user was let in nowhere any more.
  await chown(join(namesOf(places, vmId).root, 'run'), 0, 1000)
  const { book } = await bookIn(folder.path)
  expect([...book.entries.keys()]).toEqual([vmId])
  expect(whoseIs(book.entries.get(vmId))).toBe('unknown')
  expect(book.uidOf(await book.enter(new Scope('vm'), pool))).toBe(1001)
})

test('a vm serves one run and never another', async () => {
  await using folder = await temporary()
  const { book } = await bookIn(folder.path)
  const vmId = await book.enter(new Scope('vm'), pool)
  await book.give(vmId, one)
  await expect(book.give(vmId, two)).rejects.toThrow(`is not to be given: run ${one}`)
  expect(book.vmOf(two)).toBeUndefined()
})

test('a vm that lives on without us is in the book and held by nobody, until it is adopted', async () => {
  await using folder = await temporary()
  const { book } = await bookIn(folder.path)
  const vmId = await book.enter(new Scope('vm'), pool)
  book.forget(vmId)
  expect([book.held.has(vmId), book.entries.has(vmId)]).toEqual([false, true])
  const scope = new Scope('adopted')
  book.adopt(scope, vmId)
  expect(book.held.has(vmId)).toBe(true)
  await scope.close()
  expect(book.entries.has(vmId)).toBe(false)
})

import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Facts } from '../base/facts.ts'
import { Scope } from '../base/scope.ts'
import type { FirecrackerFacts } from './facts.ts'
import type { Attempt, Started, VmClass } from './makevm.ts'
import { Pool } from './pool.ts'
import type { Slot } from './slot.ts'

const python = {
  image: { name: 'python', digest: 'p' },
  size: { vcpus: 1, memMib: 100 },
  diskMib: 64,
  nic: true,
  network: { mode: 'internet', allow: [] },
} as unknown as VmClass
const node = { ...python, image: { name: 'node', digest: 'n' } } as VmClass

interface Made {
  readonly of: VmClass
  readonly started: Started
  /** Ends its Firecracker. */
  die(): void
}

/** A pool whose vms are scopes and promises. */
function pooled(o: { most?: number; memMib?: number; make?: (attempt: Attempt) => Promise<void> } = {}) {
  const made: Made[] = []
  const slots: Slot[] = []
  const discarded: VmClass[] = []
  const facts = new Facts<FirecrackerFacts>()
  const make = async (attempt: Attempt): Promise<Started> => {
    await o.make?.(attempt)
    const ended = Promise.withResolvers<void>()
    const vm = {
      names: { vmId: `test-${made.length}` },
      start: 'restore',
      bootMs: 999,
      process: { ended: ended.promise },
    }
    const started = { scope: new Scope('vm'), vm, session: {}, rttUs: 1 } as unknown as Started
    made.push({ of: attempt.of, started, die: () => ended.resolve() })
    return started
  }
  const templates = { find: () => ({ memory: '', state: '', written: '/none', disk: '' }), discard: (of: VmClass) => Promise.resolve(void discarded.push(of)) } // prettier-ignore
  const makeSlot = () => {
    const placed = { names: { vmId: `slot-${slots.length}` }, process: { ended: new Promise(() => undefined) } }
    const slot = { scope: new Scope('slot'), placed } as unknown as Slot
    slots.push(slot)
    return Promise.resolve(slot)
  }
  const pool = new Pool({ facts, templates, make, makeSlot, most: o.most ?? 2, memMib: o.memMib ?? 1000 })
  onTestFinished(() => pool[Symbol.asyncDispose]())
  return { pool, made, slots, discarded, facts }
}

const ready = (pool: Pool) => pool.state().lines.map(({ runtime, ready }) => [runtime, ready])

/** Resolves once that many are ready. */
async function filled(pool: Pool, count: number): Promise<void> {
  while (pool.state().lines.reduce((sum, line) => sum + line.ready, 0) < count) await turn()
}

test('who asks first gets none; who asks then gets one that was ready, and another takes its place', async () => {
  const { pool, made } = pooled()
  expect(await pool.take(python)).toBeUndefined()
  pool.fill()
  await filled(pool, 1)
  const taken = await pool.take(python)
  expect(taken?.scope).toBe(made[0]?.started.scope)
  expect(taken?.vm.start).toBe('pool')
  expect(taken?.vm.bootMs).toBeLessThan(900)
  pool.fill()
  await filled(pool, 1)
  expect(made).toHaveLength(2)
})

test('nobody gets a vm of another class or mode; one with a list gets one that was made without', async () => {
  const listed = { ...python, network: { mode: 'internet', allow: ['example.org'] } } as const
  const { pool, made } = pooled()
  await pool.take(listed)
  pool.fill()
  await filled(pool, 1)
  expect(made[0]?.of.network).toEqual({ mode: 'internet', allow: [] })
  expect(await pool.take(node)).toBeUndefined()
  expect(await pool.take({ ...python, network: { mode: 'none', allow: [] } })).toBeUndefined()
  expect((await pool.take(listed))?.scope).toBe(made[0]?.started.scope)
})

test('one whose Firecracker has ended is not given, and nothing of it stays', async () => {
  const { pool, made } = pooled()
  await pool.take(python)
  pool.fill()
  await filled(pool, 1)
  made[0]?.die()
  await turn()
  expect(await pool.take(python)).toBeUndefined()
  expect(made[0]?.started.scope.closed).toBe(true)
})

test('what is expected is ready before anybody asks, behind what somebody asked for, and without slots', async () => {
  const { pool, made, slots } = pooled({ memMib: 250 })
  pool.expect([python])
  await filled(pool, 1)
  expect(await pool.take(python)).toBeDefined()
  pool.expect([python, { ...python, diskMib: 65 }, { ...python, diskMib: 66 }])
  await pool.take(node)
  pool.fill()
  await filled(pool, 2)
  for (let turns = 0; turns < 20; turns += 1) await turn()
  expect(made.map(({ of }) => of.image.name)).toEqual(['python', 'node', 'python'])
  expect(slots.length).toBe(2)
  expect(pool.state().lines.map(({ wanted }) => wanted)).toEqual([1, 1, 1, 1])
})

test('after a drain nothing is expected any more', async () => {
  const { pool, made } = pooled()
  pool.expect([python])
  await filled(pool, 1)
  expect(await pool.drain()).toBe(1)
  pool.fill()
  for (let turns = 0; turns < 20; turns += 1) await turn()
  expect(made).toHaveLength(1)
})

const ended = () => Promise.resolve()

test('none is made while somebody waits for a start', async () => {
  const { pool, made } = pooled()
  const start = async () => {
    await pool.take(python)
    pool.fill()
    for (let turns = 0; turns < 20; turns += 1) await turn()
    expect(made).toHaveLength(0)
  }
  await pool.during(start, ended)
  await filled(pool, 1)
})

test('together they have no more memory than is set, and the class used last comes first', async () => {
  const { pool, made } = pooled({ memMib: 150 })
  await pool.take(python)
  await turn()
  await pool.take(node)
  pool.fill()
  await filled(pool, 1)
  for (let turns = 0; turns < 20; turns += 1) await turn()
  expect(made.map(({ of }) => of.image.name)).toEqual(['node'])
  expect(ready(pool)).toEqual([
    ['python', 0],
    ['node', 1],
  ])
})

test('what is asked for takes the room of what nobody asks for, and gives it to nobody who asks less', async () => {
  const { pool, made } = pooled({ memMib: 250 })
  pool.expect([python, { ...python, diskMib: 65 }])
  await filled(pool, 2)
  await pool.take(node)
  pool.fill()
  const settled = async () => {
    for (let turns = 0; turns < 40; turns += 1) await turn()
    return made.filter(({ started }) => !started.scope.closed).map(({ of }) => [of.image.name, of.diskMib])
  }
  expect(await settled()).toEqual([
    ['python', 65],
    ['node', 64],
  ])
  // Both were asked for: neither makes room for a third.
  await pool.take({ ...python, diskMib: 65 })
  pool.fill()
  await settled()
  await pool.take({ ...python, diskMib: 66 })
  pool.fill()
  expect(await settled()).toEqual([
    ['python', 65],
    ['node', 64],
    ['python', 65],
  ])
})

test('who comes while none is ready finds a slot, which the next that is made ready would have taken', async () => {
  const { pool, slots } = pooled({ most: 1 })
  await pool.take(python)
  pool.fill()
  await filled(pool, 1)
  while (slots.length < 1) await turn()
  expect(await pool.take(python)).toBeDefined()
  expect(await pool.take(python)).toBeUndefined()
  expect(await pool.takeSlot(python)).toBe(slots[0])
  expect(await pool.takeSlot(python)).toBeUndefined()
})

test('a drain removes all that wait and what is being made, and says how many there were', async () => {
  const { pool, made, slots } = pooled()
  await pool.take(python)
  pool.fill()
  await filled(pool, 1)
  while (slots.length < 1) await turn()
  expect(await pool.drain()).toBe(2)
  expect([...made.map(({ started }) => started), ...slots].every(({ scope }) => scope.closed)).toBe(true)
  pool.fill()
  expect(pool.state().lines).toEqual([])
})

test('a pool that closes makes none for runs that begin or end meanwhile: nobody would take it down', async () => {
  const { pool, made } = pooled()
  await pool.take(python)
  pool.fill()
  await filled(pool, 1)
  const removal = Promise.withResolvers<void>()
  made[0]?.started.scope.defer('be slow', () => removal.promise)
  const closing = pool[Symbol.asyncDispose]()
  for (let turns = 0; turns < 20; turns += 1) await turn()
  await pool.during(async () => void (await pool.take(python)), ended)
  for (let turns = 0; turns < 20; turns += 1) await turn()
  removal.resolve()
  await closing
  for (let turns = 0; turns < 20; turns += 1) await turn()
  expect(made).toHaveLength(1)
})

test('slots of a template that was put away are given to nobody', async () => {
  const { pool, slots } = pooled({ most: 1 })
  await pool.take(python)
  pool.fill()
  while (slots.length < 1) await turn()
  await pool.dropSlots(python)
  expect(slots[0]?.scope.closed).toBe(true)
  expect(await pool.takeSlot(python)).toBeUndefined()
})

test('a network that fails costs no template', async () => {
  const fails = ({ phases }: Attempt) => phases.time('network', () => Promise.reject(new Error('nft was killed')))
  const { pool, discarded, facts } = pooled({ make: fails })
  const told = Promise.withResolvers<string>()
  facts.on('pool.failed', ({ message }) => told.resolve(message))
  await pool.take(python)
  pool.fill()
  expect(await told.promise).toContain('nft was killed')
  expect(discarded).toEqual([])
})

test('a class that is given up while a vm is made for it still has it removed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const making = Promise.withResolvers<void>()
  const { pool, made } = pooled({ make: () => making.promise })
  await pool.take(python)
  pool.fill()
  await turn()
  await vi.advanceTimersByTimeAsync(11 * 60_000)
  making.resolve()
  await filled(pool, 1)
  await vi.advanceTimersByTimeAsync(30_000)
  await turn()
  expect(made[0]?.started.scope.closed).toBe(true)
  expect(pool.state().lines).toEqual([])
})

test('a template that no vm goes on from is put away, its class rests, and the failure is told', async () => {
  const { pool, discarded, facts } = pooled({ make: () => Promise.reject(new Error('the state is damaged')) })
  const told = Promise.withResolvers<string>()
  facts.on('pool.failed', ({ message }) => told.resolve(message))
  await pool.take(python)
  pool.fill()
  expect(await told.promise).toContain('the state is damaged')
  expect(discarded).toEqual([python])
  pool.fill()
  expect(ready(pool)).toEqual([['python', 0]])
})

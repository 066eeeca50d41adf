import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { filled, node, pooled, python, ready } from './pooled.ts'

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

/** What goes wrong in a pool costs what it has to, and nothing that is kept is forgotten. */
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Attempt } from './makevm.ts'
import { filled, pooled, python, ready } from './pooled.ts'

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

test('slots of a template that was put away are given to nobody, whatever network it was put away for', async () => {
  const { pool, slots } = pooled({ most: 1 })
  await pool.take(python)
  pool.fill()
  while (slots.length < 1) await turn()
  await pool.dropSlots({ ...python, network: { mode: 'host', allow: [] } })
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

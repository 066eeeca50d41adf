import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { setImmediate as turn } from 'node:timers/promises'
import { Facts } from '../base/facts.ts'
import { Scope } from '../base/scope.ts'
import type { FirecrackerFacts } from './facts.ts'
import { firstFit, Kept, takeUnfit } from './kept.ts'
import type { Vm } from './vm.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** Something that is kept, and what ends its Firecracker. */
function kept(name: string) {
  const ended = Promise.withResolvers<void>()
  const scope = new Scope(name)
  const vm = { names: { vmId: name }, process: { ended: ended.promise } } as unknown as Pick<Vm, 'names' | 'process'>
  return { kept: new Kept(name, { vm, scope, facts: new Facts<FirecrackerFacts>() }), scope, die: ended.resolve }
}

const minuteMs = 60_000

test('one is fit for half an hour', () => {
  const { kept: one } = kept('a')
  expect(one.isFit()).toBe(true)
  vi.advanceTimersByTime(29 * minuteMs)
  expect(one.isFit()).toBe(true)
  vi.advanceTimersByTime(minuteMs)
  expect(one.isFit()).toBe(false)
})

test('one is unfit when its Firecracker has ended, however that was seen', async () => {
  const [{ kept: one, die }, other] = [kept('a'), kept('b')]
  die()
  await turn()
  expect(one.isFit()).toBe(false)
  expect(other.kept.isFit()).toBe(true)
})

test('one is unfit when the clock was set: its guest has the one of before', () => {
  const { kept: one } = kept('a')
  vi.setSystemTime(Date.now() + 40)
  expect(one.isFit()).toBe(true)
  vi.setSystemTime(Date.now() + 20)
  expect(one.isFit()).toBe(false)
})

test('the first that is fit is given; those before it are removed, those behind it stay', async () => {
  const [dead, first, second] = [kept('dead'), kept('first'), kept('second')]
  dead.die()
  await turn()
  const shelf = [dead.kept, first.kept, second.kept]
  expect(await firstFit(shelf)).toBe('first')
  expect(shelf).toEqual([second.kept])
  expect([dead, first, second].map(({ scope }) => scope.closed)).toEqual([true, false, false])
  expect(await firstFit([])).toBeUndefined()
})

test('those that are unfit or more than wanted are taken out', async () => {
  const [one, dead, two] = [kept('one'), kept('dead'), kept('two')]
  dead.die()
  await turn()
  const shelf = [one.kept, dead.kept, two.kept]
  expect(takeUnfit(shelf, 2)).toEqual([dead.kept])
  expect(takeUnfit(shelf, 1)).toEqual([two.kept])
  expect(shelf).toEqual([one.kept])
})

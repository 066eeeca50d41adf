import { expect, test } from 'vitest'
import { Demand } from './demand.ts'

test('as many are wanted as are asked for while one is made, and one; in the end none', () => {
  let now = 1000
  const demand = new Demand(() => now)
  expect(demand.wanted(9)).toBe(0)
  demand.note()
  expect(demand.wanted(9)).toBe(1)
  demand.noteMade(3000)
  // One a second.
  for (let second = 0; second < 60; second += 1) {
    now += 1000
    demand.note()
  }
  expect(demand.wanted(9)).toBe(4)
  // More than half of one is one.
  demand.noteMade(600)
  expect(demand.wanted(9)).toBe(2)
  demand.noteMade(3000)
  expect(demand.wanted(2)).toBe(2)
  now += 120_000
  expect(demand.wanted(9)).toBe(1)
  now += 600_000
  expect(demand.wanted(9)).toBe(0)
})

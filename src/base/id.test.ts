import { expect, test } from 'vitest'
import { orderedId } from './id.ts'

test('ids are UUIDv7 of their time, and in the order they were made, however fast and whatever the clock does', () => {
  const future = Date.now() + 1000
  const made = Array.from({ length: 10_000 }, () => orderedId(future))
  made.push(orderedId(future - 500), orderedId(future + 5))
  expect(made.toSorted()).toEqual(made)
  expect(new Set(made).size).toBe(made.length)
  for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const ms = Number.parseInt(made[0]!.replace('-', '').slice(0, 12), 16)
  expect(ms - future).toBeLessThanOrEqual(1)
})

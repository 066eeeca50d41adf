import { expect, test } from 'vitest'
import { distance, nearest } from './spelling.ts'

test.each([
  ['', '', 0],
  ['limits', 'limits', 0],
  ['limts', 'limits', 1],
  ['lmitis', 'limits', 2],
  ['pool', 'spoon', 2],
  ['', 'home', 4],
])('from %j to %j it takes %i letters', (a, b, letters) => {
  expect(distance(a, b)).toBe(letters)
  expect(distance(b, a)).toBe(letters)
})

test('the nearest word is the one that may be meant', () => {
  expect(nearest('limts.cpu', ['server.host', 'limits.pids', 'limits.cpus'])).toBe('limits.cpus')
  expect(nearest('x', [])).toBeUndefined()
})

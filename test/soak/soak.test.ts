import { expect, test } from 'vitest'
import { kindOf, mix } from './mix.ts'
import { trendOf } from './slope.ts'

const series = (values: readonly number[]) => values.map((value, at) => ({ at: at * 10, value }))

test('what grows is seen to, whatever comes and goes beside it', () => {
  const load = (n: number) => [0, 9, 4, 12, 1][n % 5] ?? 0
  const flat = Array.from({ length: 40 }, (_, n) => 100 + load(n))
  expect(Math.abs(trendOf(series(flat)).grown)).toBeLessThan(2)
  const leaking = flat.map((value, n) => value + n)
  expect(trendOf(series(leaking)).grown).toBeGreaterThan(35)
  expect(trendOf(series(leaking)).grown).toBeLessThan(43)
})

test('one odd point does not make a slope', () => {
  const points = series([5, 5, 5, 5, 5, 5, 5, 900])
  expect(trendOf(points)).toEqual({ median: 5, grown: 0 })
})

test('any hundred in a row have the shares of the mix', () => {
  expect(mix.reduce((all, { share }) => all + share, 0)).toBe(100)
  for (const from of [0, 137]) {
    const names = Array.from({ length: 100 }, (_, n) => kindOf(from + n).name)
    for (const { name, share } of mix) expect(names.filter((one) => one === name)).toHaveLength(share)
  }
})

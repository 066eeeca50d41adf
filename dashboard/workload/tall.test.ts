import { expect, test } from 'vitest'
import { insideOf, rowPx, tallOf, topOf } from './tall.ts'

const height = 400

test('rows that fit into an element are scrolled pixel by pixel', () => {
  const extent = { count: 750_000, height }
  expect(tallOf(extent.count)).toBe(15_000_000)
  for (const top of [0, 0.5, 1_234, 14_999_600]) {
    expect(insideOf(top, extent)).toBe(top)
    expect(topOf(top, extent)).toBe(top)
  }
})

test('more rows than that are gone through from the first to the last, in an element that every browser draws', () => {
  const extent = { count: 3_200_000, height }
  const whole = extent.count * rowPx
  const tall = tallOf(extent.count)
  expect(tall).toBe(15_000_000)
  expect(insideOf(0, extent)).toBe(0)
  expect(insideOf(tall - height, extent)).toBeCloseTo(whole - height, 3)
  expect(insideOf((tall - height) / 2, extent)).toBeCloseTo((whole - height) / 2, 3)
})

test('whoever jumps to a row finds it in sight', () => {
  const extent = { count: 3_200_000, height }
  for (const row of [0, 1, 777_777, 2_999_999, 3_199_979]) {
    // A browser scrolls to whole pixels.
    const inside = insideOf(Math.round(topOf(row * rowPx, extent)), extent)
    expect(Math.abs(inside - row * rowPx)).toBeLessThan(rowPx)
  }
})

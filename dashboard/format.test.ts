import { expect, test } from 'vitest'
import { ago, bytes, counted, duration, roundTrip } from './format.ts'

test('durations in the unit that says most', () => {
  const all = [0, 0.25, 4.26, 12.4, 999, 1500, 12_340, 61_000, 3_700_000].map(duration)
  expect(all).toEqual(['0 ms', '250 µs', '4.3 ms', '12 ms', '999 ms', '1.50 s', '12.3 s', '1 min 1 s', '1 h 1 min'])
  expect([80, 4200].map(roundTrip)).toEqual(['80 µs', '4.2 ms'])
})

test('bytes, ages and counts', () => {
  expect([0, 1023, 1536, 52_428_800].map(bytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '50 MiB'])
  const now = Date.parse('2026-01-02T00:00:00Z')
  expect(ago('2026-01-01T23:59:30Z', now)).toBe('30 s ago')
  expect(ago('2026-01-01T00:00:00Z', now)).toBe('1 d ago')
  expect(ago('2026-01-02T00:00:05Z', now)).toBe('0 s ago')
  expect([counted(1, 'line'), counted(12_000, 'line')]).toEqual(['1 line', '12,000 lines'])
})

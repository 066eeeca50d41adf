import { expect, test } from 'vitest'
import { timelineOf } from './timeline.ts'

test('bars lie where the phases lay, parts of the vm among them', () => {
  const { totalMs, bars } = timelineOf({
    phases_ms: { queue: 10, vm: 50, boot: 30, program: 40 },
    phases_at_ms: { queue: 0, vm: 10, boot: 30, program: 60 },
  })
  expect(totalMs).toBe(100)
  expect(bars).toEqual([
    { name: 'queue', ms: 10, from: 0, share: 0.1, inner: false },
    { name: 'vm', ms: 50, from: 0.1, share: 0.5, inner: false },
    { name: 'boot', ms: 30, from: 0.3, share: 0.3, inner: true },
    { name: 'program', ms: 40, from: 0.6, share: 0.4, inner: false },
  ])
})

test('without beginnings phases follow each other, and of nothing there is nothing', () => {
  const { totalMs, bars } = timelineOf({ phases_ms: { queue: 25, program: 75 } })
  expect(totalMs).toBe(100)
  expect(bars.map(({ from }) => from)).toEqual([0, 0.25])
  expect(timelineOf({ phases_ms: {} })).toEqual({ totalMs: 0, bars: [] })
  expect(timelineOf({ phases_ms: { queue: 0 } }).bars[0]?.share).toBe(0)
})

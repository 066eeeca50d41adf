import { expect, test } from 'vitest'
import { samplesIn } from './metrics.ts'
import { emptySeries, withSamples } from './series.ts'

const look = (running: number) =>
  samplesIn(`
vulcan_vms_active{state="running"} ${running}
vulcan_vms_active{state="starting"} 2
vulcan_vms_active{state="stopping"} 4
vulcan_queue_depth 3
`)

test('each look adds a column, and what a server does not tell counts as none', () => {
  const series = withSamples(withSamples(emptySeries, look(1), 100), [], 105)
  expect(series).toEqual({ at: [100, 105], values: { running: [1, 0], starting: [2, 0], waiting: [3, 0] } })
  expect(emptySeries.at).toEqual([])
})

test('half an hour is kept, the newest, in columns of one length', () => {
  let series = emptySeries
  for (let count = 0; count < 400; count += 1) series = withSamples(series, look(count), count * 5)
  const { at, values } = series
  expect([at, values.running, values.starting, values.waiting].map(({ length }) => length)).toEqual([
    360, 360, 360, 360,
  ])
  expect(at.at(-1)! - at[0]!).toBe(359 * 5)
  expect([values.running[0], values.running.at(-1)]).toEqual([40, 399])
})

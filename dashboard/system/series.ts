/** What the metrics said while this tab looked: the server keeps no past, Prometheus does. */
import { sumOf, type Sample } from './metrics.ts'

export const names = ['running', 'starting', 'waiting'] as const
export type SeriesName = (typeof names)[number]

/** Columns of one length. */
export interface Series {
  /** Seconds of the epoch. */
  readonly at: readonly number[]
  readonly values: Readonly<Record<SeriesName, readonly number[]>>
}

export const emptySeries: Series = { at: [], values: { running: [], starting: [], waiting: [] } }

/** Half an hour, a look every five seconds. */
const most = 360

/** The series with one more look. */
export function withSamples(series: Series, samples: readonly Sample[], atSeconds: number): Series {
  const now: Record<SeriesName, number> = {
    running: sumOf(samples, 'vulcan_vms_active', { state: 'running' }) ?? 0,
    starting: sumOf(samples, 'vulcan_vms_active', { state: 'starting' }) ?? 0,
    waiting: sumOf(samples, 'vulcan_queue_depth') ?? 0,
  }
  const longer = (name: SeriesName) => [...series.values[name], now[name]].slice(-most)
  return {
    at: [...series.at, atSeconds].slice(-most),
    values: { running: longer('running'), starting: longer('starting'), waiting: longer('waiting') },
  }
}

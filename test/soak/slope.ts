/** Whether a series is flat. Pure. */
import { median } from '../../bench/statistics.ts'

export interface Point {
  /** Seconds since the beginning. */
  readonly at: number
  readonly value: number
}

export interface Trend {
  readonly median: number
  /** What it grew by from the first point to the last, along its slope. */
  readonly grown: number
}

/**
 * By the median of the slopes between any two points (Theil and Sen): what comes and goes with the load, and one odd point, do not
 * bend it. NaN for less than two points.
 */
export function trendOf(points: readonly Point[]): Trend {
  const slopes = points.flatMap((one, i) =>
    points.slice(i + 1).map((other) => (other.value - one.value) / (other.at - one.at)),
  )
  const spanS = (points.at(-1)?.at ?? NaN) - (points[0]?.at ?? NaN)
  return { median: median(points.map(({ value }) => value)), grown: median(slopes) * spanS }
}

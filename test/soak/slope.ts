/** Whether a series is flat. Pure. */

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
  return { median: middle(points.map(({ value }) => value)), grown: middle(slopes) * spanS }
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[at] ?? NaN) : ((sorted[at - 1] ?? NaN) + (sorted[at] ?? NaN)) / 2
}

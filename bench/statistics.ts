/** Medians and spreads. Pure. */

export interface Spread {
  readonly median: number
  /** First and third quartile. */
  readonly q1: number
  readonly q3: number
  /** Measurements. */
  readonly n: number
}

/** The value below which that part of the values lies; NaN for none. */
export function quantile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN
}

export const median = (values: Iterable<number>): number => quantile(values, 0.5)

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), q1: quantile(values, 0.25), q3: quantile(values, 0.75), n: values.length }
}

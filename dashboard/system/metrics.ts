/** Prometheus's text format, as far as the page needs it. Pure. */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Every sample of a scrape; lines that are none are left out. */
export function samplesIn(text: string): Sample[] {
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    if (!match) continue
    const [, name = '', labels = '', value = ''] = match
    samples.push({ name, labels: labelsIn(labels), value: value === '+Inf' ? Infinity : Number(value) })
  }
  return samples
}

function labelsIn(text: string): Record<string, string> {
  const pairs = text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries(
    [...pairs].map(([, name = '', value = '']) => [
      name,
      value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    ]),
  )
}

/** The sum over all samples of that name with those labels; undefined when there is none. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const fitting = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  return fitting.length === 0 ? undefined : fitting.reduce((sum, { value }) => sum + value, 0)
}

export interface Bucket {
  /** Upper bound, in the unit of the metric. */
  readonly to: number
  /** How many lie in this bucket alone. */
  readonly count: number
}

/** A histogram's buckets over all its labels, from the first that holds something to the last. */
export function bucketsOf(samples: readonly Sample[], name: string): Bucket[] {
  const upTo = new Map<number, number>()
  for (const sample of samples) {
    if (sample.name !== `${name}_bucket`) continue
    const to = sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le'])
    upTo.set(to, (upTo.get(to) ?? 0) + sample.value)
  }
  let before = 0
  const buckets = [...upTo]
    .sort(([a], [b]) => a - b)
    .map(([to, count]) => {
      const own = count - before
      before = count
      return { to, count: own }
    })
  const first = buckets.findIndex(({ count }) => count > 0)
  const last = buckets.findLastIndex(({ count }) => count > 0)
  return first < 0 ? [] : buckets.slice(first, last + 1)
}

/** Where so much of a histogram lies below, by the bucket's upper bound. */
export function quantile(buckets: readonly Bucket[], share: number): number | undefined {
  const all = buckets.reduce((sum, { count }) => sum + count, 0)
  let below = 0
  for (const { to, count } of buckets) {
    below += count
    if (all > 0 && below >= all * share) return to
  }
  return undefined
}

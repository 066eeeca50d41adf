/** Figures from the server's metrics: what goes on now, and how long boots and round trips take. */
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { metricsText, wordsOf } from '../api.ts'
import { Card } from '../card.tsx'
import { counted, duration } from '../format.ts'
import { bucketsOf, quantile, samplesIn, sumOf, type Bucket, type Sample } from './metrics.ts'
import { emptySeries, withSamples, type Series } from './series.ts'

const Chart = lazy(() => import('./chart.tsx').then(({ Chart: component }) => ({ default: component })))

interface Look {
  readonly samples: readonly Sample[]
  readonly series: Series
}

/** Looks of this tab, those of an earlier visit to the page too. */
const metricsQuery = {
  queryKey: ['metrics'],
  refetchInterval: 5000,
  gcTime: 30 * 60_000,
}

export function Figures() {
  const { data, error } = useQuery({
    ...metricsQuery,
    queryFn: async ({ signal }): Promise<Look> => {
      const samples = samplesIn(await metricsText(signal))
      kept.series = withSamples(kept.series, samples, Date.now() / 1000)
      return { samples, series: kept.series }
    },
  })
  if (!data) return <p className="loading">{error ? wordsOf(error) : 'Reading the metrics…'}</p>
  const { samples, series } = data
  const now = (name: 'running' | 'starting' | 'waiting') => series.values[name].at(-1) ?? 0
  const words = `${now('running')} running, ${now('starting')} starting, ${now('waiting')} waiting`
  return (
    <>
      <Card title="vms and queue" aside={words}>
        <Suspense fallback={<div className="chart-place">Loading the chart…</div>}>
          <Chart series={series} label={`vms and queue since this page was opened; now ${words}`} />
        </Suspense>
      </Card>
      <div className="grid">
        <Histogram title="Boot time" name="vulcan_vm_boot_seconds" samples={samples} />
        <Histogram title="vsock round trip" name="vulcan_vsock_rtt_seconds" samples={samples} />
        <Ended samples={samples} />
      </div>
    </>
  )
}

/** The series outlive the page, for as long as the tab lives. */
const kept = { series: emptySeries }

function Histogram({ title, name, samples }: { title: string; name: string; samples: readonly Sample[] }) {
  const buckets = bucketsOf(samples, name)
  const count = sumOf(samples, `${name}_count`) ?? 0
  const most = Math.max(1, ...buckets.map((bucket) => bucket.count))
  return (
    <Card title={title} aside={count > 0 ? middle(buckets) : undefined}>
      {count === 0 ? (
        <p className="none">None was measured since the server started.</p>
      ) : (
        <ol className="bars">
          {buckets.map(({ to, count: some }) => (
            <li key={to}>
              <span className="bar-name">{to === Infinity ? 'more' : `≤ ${duration(to * 1000)}`}</span>
              <span className="bar-track" aria-hidden="true">
                <span style={{ width: `${(some / most) * 100}%` }} />
              </span>
              <span className="bar-count">{some}</span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}

function middle(buckets: readonly Bucket[]): string {
  const half = quantile(buckets, 0.5)
  const most = quantile(buckets, 0.95)
  const told = (value: number | undefined) =>
    value === undefined || value === Infinity ? 'more' : duration(value * 1000)
  return `median ≤ ${told(half)}, 95 % ≤ ${told(most)}`
}

function Ended({ samples }: { samples: readonly Sample[] }) {
  const ends = new Map<string, number>()
  for (const { name, labels, value } of samples) {
    if (name !== 'vulcan_workloads_total' || value === 0) continue
    const words = labels['by'] === 'program' ? `${labels['status']}` : (labels['by'] ?? '')
    ends.set(words, (ends.get(words) ?? 0) + value)
  }
  const total = [...ends.values()].reduce((sum, value) => sum + value, 0)
  return (
    <Card title="How workloads ended" aside={counted(total, 'workload')}>
      {total === 0 ? (
        <p className="none">None has ended since the server started.</p>
      ) : (
        <ol className="bars">
          {[...ends]
            .sort(([, a], [, b]) => b - a)
            .map(([name, count]) => (
              <li key={name}>
                <span className="bar-name">{name.replaceAll('_', ' ')}</span>
                <span className="bar-track" aria-hidden="true">
                  <span style={{ width: `${(count / total) * 100}%` }} />
                </span>
                <span className="bar-count">{count}</span>
              </li>
            ))}
        </ol>
      )}
    </Card>
  )
}

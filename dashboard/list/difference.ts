/** What two records say of the same things. Pure. */
import type { KeptRequest } from '../../src/api/request.ts'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { bytes, duration, roundTrip } from '../format.ts'
import { lastedMs, networkWords, storyOf } from '../words.ts'

export interface Row {
  readonly name: string
  readonly left: string
  readonly right: string
  /** Of figures, from left to right. */
  readonly difference: string
}

interface Figure {
  readonly name: string
  readonly of: (record: WorkloadRecord) => number | undefined
  readonly words: (value: number) => string
}

const figures: readonly Figure[] = [
  { name: 'Whole time', of: (record) => lastedMs(record, Date.now()), words: duration },
  { name: 'Boot', of: ({ run }) => run?.boot_ms, words: duration },
  { name: 'vsock round trip', of: ({ run }) => run?.vsock.rtt_us, words: roundTrip },
  { name: 'Processor', of: ({ run }) => run?.usage?.cpu_ms, words: duration },
  { name: 'Peak memory', of: ({ run }) => run?.usage?.peak_mem_mb, words: (mib) => `${mib} MiB` },
  { name: 'Disk written', of: ({ run }) => run?.usage?.disk_written_bytes, words: bytes },
  { name: 'Network in', of: ({ run }) => run?.usage?.net_rx_bytes, words: bytes },
  { name: 'Network out', of: ({ run }) => run?.usage?.net_tx_bytes, words: bytes },
]

const facts: readonly (readonly [string, (record: WorkloadRecord) => string])[] = [
  ['End', (record) => storyOf(record).title],
  ['Runtime', ({ runtime }) => runtime],
  ['Isolation', ({ isolation }) => isolation],
  ['Backend', ({ run }) => run?.backend ?? '–'],
  ['Node', ({ run }) => run?.node ?? '–'],
  ['Start', ({ run }) => run?.start ?? '–'],
  ['Result', ({ result }) => (result === undefined ? '–' : JSON.stringify(result).slice(0, 200))],
]

const asked: readonly (readonly [string, (kept: KeptRequest) => string])[] = [
  ['Program', ({ archive }) => (archive ? `${archive.format}, ${bytes(archive.bytes)}` : 'code')],
  ['Entry point', ({ request }) => request.entrypoint ?? '–'],
  ['Cores', ({ request }) => String(request.resources?.cpus)],
  ['Memory', ({ request }) => `${request.resources?.mem_mb} MiB`],
  ['Time limit', ({ request }) => `${request.resources?.timeout_s} s`],
  ['Disk', ({ request }) => `${request.resources?.disk_mb} MiB`],
  ['Processes', ({ request }) => String(request.resources?.pids)],
  ['Network', ({ request }) => networkWords(request.network)],
  ['Arguments', ({ request, withheld }) => hidden(withheld, 'args') ?? (request.args?.join(' ') || '–')],
  ['Environment', ({ env_names: names }) => names.join(' ') || '–'],
  ['Input', ({ request, withheld }) => hidden(withheld, 'input') ?? short(request.input)],
  ['Standard input', ({ request, withheld }) => hidden(withheld, 'stdin') ?? short(request.stdin)],
]

const hidden = (withheld: KeptRequest['withheld'], name: KeptRequest['withheld'][number]): string | undefined =>
  withheld.includes(name) ? 'not told' : undefined

const short = (value: unknown): string => (value === undefined ? '–' : JSON.stringify(value).slice(0, 200))

/** What was asked for, row by row; of one that is not known, dashes. What neither has is left out. */
export function askedRows(left: KeptRequest | undefined, right: KeptRequest | undefined): Row[] {
  const rows = asked.map(([name, of]) => ({
    name,
    left: left ? of(left) : '–',
    right: right ? of(right) : '–',
    difference: '',
  }))
  return rows.filter(({ left: one, right: other }) => one !== '–' || other !== '–')
}

export function rowsOf(left: WorkloadRecord, right: WorkloadRecord): Row[] {
  const phases = new Set([...Object.keys(left.run?.phases_ms ?? {}), ...Object.keys(right.run?.phases_ms ?? {})])
  const measured = [
    ...figures,
    ...[...phases].map((name): Figure => ({
      name: `Phase ${name}`,
      of: ({ run }) => run?.phases_ms[name],
      words: duration,
    })),
  ]
  return [
    ...facts.map(([name, of]) => ({ name, left: of(left), right: of(right), difference: '' })),
    ...measured.map(({ name, of, words }) => {
      const [one, other] = [of(left), of(right)]
      const told = (value: number | undefined) => (value === undefined ? '–' : words(value))
      return { name, left: told(one), right: told(other), difference: differenceOf(one, other) }
    }),
  ]
}

function differenceOf(left: number | undefined, right: number | undefined): string {
  if (left === undefined || right === undefined || left === right || left === 0) return ''
  const percent = Math.round((right / left - 1) * 100)
  return percent === 0 ? '' : `${percent > 0 ? '+' : '−'}${Math.abs(percent)} %`
}

/** Number of the first line, from 1, that is not the same; undefined where all are. */
export function firstDifference(left: string, right: string): number | undefined {
  if (left === right) return undefined
  const [one, other] = [left.split('\n'), right.split('\n')]
  return one.findIndex((line, at) => line !== other[at]) + 1 || one.length + 1
}

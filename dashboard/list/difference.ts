/** What two records say of the same things. Pure. */
import type { KeptRequest } from '../../src/api/request.ts'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { bytes, duration, roundTrip } from '../format.ts'
import { lastedMs, networkWords, storyOf } from '../words.ts'

export interface Row {
  readonly name: string
  readonly left: string
  readonly right: string
  /** Of figures, from left to right; of what is not shown whole, whether there is one. */
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

/** Its name, its words, and the whole of it where the words leave something unsaid; undefined where that is not known. */
type Fact<T> = readonly [name: string, words: (of: T) => string, whole?: (of: T) => unknown]

const facts: readonly Fact<WorkloadRecord>[] = [
  ['End', (record) => storyOf(record).title],
  ['Runtime', ({ runtime }) => runtime],
  ['Isolation', ({ isolation }) => isolation],
  ['Backend', ({ run }) => run?.backend ?? '–'],
  ['Node', ({ run }) => run?.node ?? '–'],
  ['Start', ({ run }) => run?.start ?? '–'],
  ['Result', ({ result }) => short(result), ({ result }) => result],
]

const asked: readonly Fact<KeptRequest>[] = [
  ['Program', ({ archive }) => (archive ? `${archive.format}, ${bytes(archive.bytes)}` : 'code')],
  ['Entry point', ({ request }) => request.entrypoint ?? '–'],
  ['Cores', ({ request }) => String(request.resources?.cpus)],
  ['Memory', ({ request }) => `${request.resources?.mem_mb} MiB`],
  ['Time limit', ({ request }) => `${request.resources?.timeout_s} s`],
  ['Disk', ({ request }) => `${request.resources?.disk_mb} MiB`],
  ['Processes', ({ request }) => String(request.resources?.pids)],
  ['Network', ({ request }) => networkWords(request.network)],
  ['Arguments', ({ request, withheld }) => hidden(withheld, 'args') ?? wordsIn(request.args)],
  // Values are not shown: somebody may look over a shoulder.
  ['Environment', ({ env_names: names }) => names.join(' ') || '–', ({ request }) => request.env],
  [
    'Input',
    ({ request, withheld }) => hidden(withheld, 'input') ?? short(request.input),
    ({ request }) => request.input,
  ],
  [
    'Standard input',
    ({ request, withheld }) => hidden(withheld, 'stdin') ?? short(request.stdin),
    ({ request }) => request.stdin,
  ],
]

const hidden = (withheld: KeptRequest['withheld'], name: KeptRequest['withheld'][number]): string | undefined =>
  withheld.includes(name) ? 'not told' : undefined

/** Each as JSON: where one ends and the next begins is a difference too. */
const wordsIn = (args: readonly string[] = []): string => args.map((arg) => JSON.stringify(arg)).join(' ') || '–'

const short = (value: unknown): string => (value === undefined ? '–' : JSON.stringify(value).slice(0, 200))

/** What was asked for, row by row; of one that is not known, dashes. What neither has is left out. */
export function askedRows(left: KeptRequest | undefined, right: KeptRequest | undefined): Row[] {
  const rows = asked.map((fact) => factRow(fact, left, right))
  return rows.filter(({ left: one, right: other }) => one !== '–' || other !== '–')
}

function factRow<T>([name, words, whole]: Fact<T>, left: T | undefined, right: T | undefined): Row {
  const [one, other] = [left && words(left), right && words(right)].map((text) => text ?? '–') as [string, string]
  const hides = one === other && isOther(left && whole?.(left), right && whole?.(right))
  return { name, left: one, right: other, difference: hides ? 'not the same' : '' }
}

const isOther = (left: unknown, right: unknown): boolean =>
  left !== undefined && right !== undefined && JSON.stringify(left) !== JSON.stringify(right)

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
    ...facts.map((fact) => factRow(fact, left, right)),
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

/** What a run of a benchmark says: figures with floors beside them, bars, and the host it ran on. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, hostname, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Spread } from './statistics.ts'

export interface Figure {
  readonly name: string
  readonly unit: string
  readonly value: Spread
  /** The least that the host and the libraries allow for the same, measured in between. */
  readonly floor?: Spread
  /** Value by floor, round by round: what other tenants of the host do hits both. */
  readonly ratio?: Spread
  /** What was promised: the value, or its ratio, is at most or at least this. */
  readonly bar?: { readonly of: 'value' | 'ratio'; readonly most?: number; readonly least?: number }
}

export interface Report {
  readonly benchmark: string
  readonly at: string
  readonly host: Readonly<Record<string, string | number>>
  readonly settings: Readonly<Record<string, unknown>>
  readonly figures: readonly Figure[]
}

const root = join(import.meta.dirname, '..')

export function hostNow(): Report['host'] {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim()
  return {
    host: hostname(),
    kernel: release(),
    arch: arch(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    mem_mb: Math.round(totalmem() / (1 << 20)),
    load: loadavg()[0] ?? 0,
    node: process.version,
    sqlite: process.versions['sqlite'] ?? '',
    fastify: dependencies['fastify'] ?? '',
    kysely: dependencies['kysely'] ?? '',
    commit,
  }
}

/** True when the bar holds, undefined without one. */
export function holds({ value, ratio, bar }: Figure): boolean | undefined {
  if (!bar) return undefined
  const median = (bar.of === 'ratio' ? ratio?.median : value.median) ?? NaN
  return median <= (bar.most ?? Infinity) && median >= (bar.least ?? -Infinity)
}

/** A table for people; with an earlier report, a column of what has become of each figure since. */
export function tableOf(report: Report, earlier?: Report): string {
  const head = ['figure', 'median', 'quartiles', 'floor', 'ratio', 'bar', ...(earlier ? ['before'] : [])]
  const rows = report.figures.map((figure) => {
    const before = earlier?.figures.find(({ name }) => name === figure.name)
    return [
      ...cellsOf(figure),
      ...(earlier ? [before ? (cellsOf(before)[figure.bar?.of === 'ratio' ? 4 : 1] ?? '') : '-'] : []),
    ]
  })
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0)))
  return [head, ...rows].map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n')
}

function cellsOf(figure: Figure): string[] {
  const { name, unit, value, floor, ratio, bar } = figure
  const limit = bar && (bar.most === undefined ? `>= ${bar.least}` : `<= ${bar.most}`)
  return [
    name,
    `${short(value.median)} ${unit}`,
    `${short(value.q1)} to ${short(value.q3)}`,
    floor ? `${short(floor.median)} ${unit}` : '-',
    ratio ? `${short(ratio.median)} (${short(ratio.q1)} to ${short(ratio.q3)})` : '-',
    limit ? `${limit} ${holds(figure) ? 'holds' : 'MISSED'}` : '-',
  ]
}

const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** vulcan doctor: what this host has and lacks, why it matters, and the one command that mends it. */
import { styleText } from 'node:util'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import type { Context } from './context.ts'
import { diagnose, type Diagnosis, type Row } from './diagnosis.ts'
import { findings } from './findings.ts'
import { json, visible, wrap } from './text.ts'

export function doctorCommand(act: Act): CommandUnknownOpts {
  return new Command('doctor')
    .description('say what this host has and lacks; exits with 0 when vms can run here')
    .option('--json', 'as JSON')
    .action((o) => act((context) => doctor(context, o.json === true)))
}

async function doctor(context: Context, asJson: boolean): Promise<number> {
  const diagnosis = diagnose(await findings(context))
  await context.print(asJson ? json(diagnosis) : textOf(diagnosis, context.columns))
  return diagnosis.place === 'none' ? 1 : 0
}

const verdicts = {
  host: 'vms can run on this host.',
  machine: 'vms can run here, in the machine (KVM is not usable on this host itself).',
  none: 'vms cannot run here yet.',
} as const

/** In colours and in lines that fit where there are columns of a terminal. */
export function textOf({ rows, place }: Diagnosis, columns?: number): string {
  const width = Math.max(...rows.map((row) => row.name.length))
  const lines = rows.flatMap((row) => linesOf(row, { width, columns, place }))
  return `${lines.join('\n')}\n\n${verdicts[place]}\n`
}

interface Style {
  readonly width: number
  readonly columns: number | undefined
  readonly place: Diagnosis['place']
}

function linesOf(row: Row, { width, columns, place }: Style): string[] {
  const matters = !row.ok && (row.need === 'both' || row.need === 'advice' || place === 'none' || row.need === place)
  const mark = row.ok ? 'ok' : matters && row.need !== 'advice' ? 'MISSING' : 'no'
  const hue = row.ok ? 'green' : mark === 'MISSING' ? 'red' : 'yellow'
  const shown = columns !== undefined ? styleText(hue, mark.padEnd(7)) : mark.padEnd(7)
  const beside = width + 11
  const [found = '', ...more] = wrap(visible(row.found), (columns ?? Infinity) - beside)
  const first = [`${shown}  ${row.name.padEnd(width)}  ${found}`, ...more.map((line) => `${' '.repeat(beside)}${line}`)]
  if (row.ok) return first
  const indent = ' '.repeat(columns !== undefined && columns < 100 ? 9 : beside)
  const why = wrap(row.why, (columns ?? Infinity) - indent.length)
  // What mends is copied, so the terminal alone may break it.
  return [...first, ...[...why, ...(row.mend ? [`mend: ${row.mend}`] : [])].map((line) => indent + line)]
}

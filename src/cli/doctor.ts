/** vulcan doctor: what this host has and lacks, why it matters, and the one command that mends it. */
import { styleText } from 'node:util'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import type { Context } from './context.ts'
import { diagnose, type Diagnosis, type Row } from './diagnosis.ts'
import { findings } from './findings.ts'
import { json } from './text.ts'

export function doctorCommand(act: Act): CommandUnknownOpts {
  return new Command('doctor')
    .description('say what this host has and lacks; exits with 0 when vms can run here')
    .option('--json', 'as JSON')
    .action((o) => act((context) => doctor(context, o.json === true)))
}

async function doctor(context: Context, asJson: boolean): Promise<number> {
  const diagnosis = diagnose(await findings(context))
  await context.print(asJson ? json(diagnosis) : textOf(diagnosis, context.columns !== undefined))
  return diagnosis.place === 'none' ? 1 : 0
}

const verdicts = {
  host: 'vms can run on this host.',
  machine: 'vms can run here, in the machine (KVM is not usable on this host itself).',
  none: 'vms cannot run here yet.',
} as const

export function textOf({ rows, place }: Diagnosis, colour = false): string {
  const width = Math.max(...rows.map((row) => row.name.length))
  const lines = rows.flatMap((row) => linesOf(row, { width, colour, place }))
  return `${lines.join('\n')}\n\n${verdicts[place]}\n`
}

interface Style {
  readonly width: number
  readonly colour: boolean
  readonly place: Diagnosis['place']
}

function linesOf(row: Row, { width, colour, place }: Style): string[] {
  const matters = !row.ok && (row.need === 'both' || row.need === 'advice' || place === 'none' || row.need === place)
  const mark = row.ok ? 'ok' : matters && row.need !== 'advice' ? 'MISSING' : 'no'
  const hue = row.ok ? 'green' : mark === 'MISSING' ? 'red' : 'yellow'
  const shown = colour ? styleText(hue, mark.padEnd(7)) : mark.padEnd(7)
  const first = `${shown}  ${row.name.padEnd(width)}  ${row.found}`
  if (row.ok) return [first]
  const indent = ' '.repeat(width + 11)
  return [first, `${indent}${row.why}`, ...(row.mend ? [`${indent}mend: ${row.mend}`] : [])]
}

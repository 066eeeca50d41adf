/** vulcan doctor: what this host has and lacks, why it matters, and the one command that mends it. */
import { styleText } from 'node:util'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import type { Context } from './context.ts'
import { diagnose, type Diagnosis, type Row } from './diagnosis.ts'
import { findings } from './findings.ts'
import { fold, json, visible, wrap } from './text.ts'

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

/** Columns where there is no terminal. */
const usualColumns = 80
/** Where a row's words begin: behind its mark. */
const indent = 9
/** Columns that what was found must have beside the row's name; with fewer it stands below. */
const leastBeside = 24

/**
 * The diagnosis as text: what runs need, then what production wants, each row with its why and mend when it is not well;
 * in colours where there are columns of a terminal. Where the host runs vms itself, the machine that it could have instead
 * is left out.
 */
export function textOf({ rows: all, place, always }: Diagnosis, terminal?: number): string {
  const rows = all.filter((row) => place !== 'host' || row.need !== 'machine')
  const width = Math.max(...[...rows, ...always].map(({ name }) => name.length))
  const style = { width, columns: terminal ?? usualColumns, colour: terminal !== undefined, place }
  const part = (advice: boolean) =>
    rows.filter((row) => (row.need === 'advice') === advice).flatMap((row) => linesOf(row, style))
  const whose = place === 'machine' ? ' (of this host, not of the machine on it)' : ''
  const held = always.flatMap(({ name, how }) => lineOf({ name, found: how, mark: 'always', hue: 'green' }, style))
  const lines = [
    ...['needed', ...part(false)],
    ...['', ...wrap(`advice for production${whose}`, style.columns), ...part(true)],
    ...['', 'for production, by how vms are made', ...held],
    ...['', ...wrap(verdicts[place], style.columns)],
  ]
  return `${lines.join('\n')}\n`
}

interface Style {
  readonly width: number
  readonly columns: number
  readonly colour: boolean
  readonly place: Diagnosis['place']
}

interface Line {
  readonly name: string
  readonly found: string
  readonly mark: string
  readonly hue: 'green' | 'red' | 'yellow'
}

/** One row's mark, name and finding. */
function lineOf({ name, found, mark, hue }: Line, { width, columns, colour }: Style): string[] {
  const shown = colour ? styleText(hue, mark.padEnd(7)) : mark.padEnd(7)
  const beside = indent + width + 2
  const isNarrow = columns - beside < leastBeside
  const from = isNarrow ? indent : beside
  const [first = '', ...more] = fold(visible(found), columns - from)
  const below = (isNarrow ? [first, ...more] : more).map((line) => ' '.repeat(from) + line)
  return [isNarrow ? `${shown}  ${name}` : `${shown}  ${name.padEnd(width)}  ${first}`, ...below]
}

function linesOf(row: Row, style: Style): string[] {
  const { columns, place } = style
  const matters = !row.ok && (row.need === 'both' || row.need === 'advice' || place === 'none' || row.need === place)
  const bad = matters && row.need !== 'advice' ? 'MISSING' : 'no'
  const mark = row.ok ? 'ok' : row.unknown ? 'unknown' : bad
  const hue = row.ok ? 'green' : mark === 'MISSING' ? 'red' : 'yellow'
  const lines = lineOf({ name: row.name, found: row.found, mark, hue }, style)
  if (row.ok) return lines
  const below = [...fold(row.why, columns - indent), ...mendOf(row)]
  return [...lines, ...below.map((line) => ' '.repeat(indent) + line)]
}

/** Commands stay in one piece, to be copied: of several, each has a line of its own. */
function mendOf({ mend }: Row): string[] {
  return (mend ?? '')
    .split('; ')
    .flatMap((command, at) => (command ? [`${at === 0 ? 'mend:' : '     '} ${command}`] : []))
}

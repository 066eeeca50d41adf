/** vulcan doctor: what this host has and lacks, why it matters, and the one command that mends it. */
import { styleText } from 'node:util'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import type { Context } from './context.ts'
import { diagnose, type Diagnosis, type Row } from './diagnosis.ts'
import { findings } from './findings.ts'

export function doctorCommand(act: Act): CommandUnknownOpts {
  return new Command('doctor')
    .description('say what this host has and lacks; exits with 0 when vms can run here')
    .option('--json', 'as JSON')
    .action(({ json }) => act((context) => doctor(context, json)))
}

async function doctor(context: Context, json?: true): Promise<number> {
  const diagnosis = diagnose(await findings(context))
  await context.print(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : textOf(diagnosis, process.stdout.isTTY))
  return diagnosis.place === 'none' ? 1 : 0
}

const verdicts = {
  host: 'vms can run on this host.',
  machine: 'vms can run here, in the machine (KVM is not usable on this host itself).',
  none: 'vms cannot run here yet.',
} as const

/** What a terminal shows at the least, in columns. */
const columns = 80
/** Where a row's words begin: behind its mark. */
const indent = 9

/** The diagnosis as text: what runs need, then what production wants, each row with its why and mend when it is not well. */
export function textOf({ rows, place }: Diagnosis, colour = false): string {
  const width = Math.max(...rows.map((row) => row.name.length))
  const part = (kind: 'needed' | 'advice') =>
    rows.filter((row) => (row.need === 'advice') === (kind === 'advice')).flatMap((row) => linesOf(row, { width, colour, place })) // prettier-ignore
  const whose = place === 'machine' ? ' (of this host, not of the machine on it)' : ''
  const lines = ['needed', ...part('needed'), '', `advice for production${whose}`, ...part('advice')]
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
  const [found = '', ...more] = wrapped(row.found, columns - indent - width - 2)
  const lines = [
    `${shown}  ${row.name.padEnd(width)}  ${found}`,
    ...more.map((line) => ' '.repeat(indent + width + 2) + line),
  ]
  if (row.ok) return lines
  const below = [...wrapped(row.why, columns - indent), ...mendOf(row)]
  return [...lines, ...below.map((line) => ' '.repeat(indent) + line)]
}

/** Commands stay in one piece, to be copied: of several, each has a line of its own. */
function mendOf({ mend }: Row): string[] {
  return (mend ?? '')
    .split('; ')
    .flatMap((command, at) => (command ? [`${at === 0 ? 'mend:' : '     '} ${command}`] : []))
}

/** Lines of at most that many characters, broken between words; a longer word stays whole. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

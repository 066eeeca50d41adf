/** How commands say what they take, in the width of the terminal. */
import { Help, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { askedColumns } from '../config.ts'
import { widthBehind, type Output, type Streams } from './streams.ts'
import { fold, foldLines } from './text.ts'

/** Columns where there is no terminal. */
const usualColumns = 80
/** Columns that a description beside its flag must have; with fewer it stands below. */
const leastBeside = 30

/** What commander asks for on each command: errors are thrown, and words go to these streams. */
export function dress(command: CommandUnknownOpts, streams: Omit<Streams, 'stdin'>): void {
  const { stdout, stderr } = streams
  command
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .configureHelp({ formatItem, minWidthToWrap: leastBeside })
    .configureOutput({
      writeOut: (text) => void stdout.write(foldLines(text, columnsOf(stdout))),
      writeErr: (text) => void stderr.write(foldLines(text, columnsOf(stderr))),
      getOutHelpWidth: () => columnsOf(stdout),
      getErrHelpWidth: () => columnsOf(stderr),
    })
  for (const inner of command.commands) dress(inner, streams)
}

const columnsOf = (stream: Output): number => widthBehind(stream, askedColumns()) ?? usualColumns

/** One flag, argument or command with what it is. */
function formatItem(...item: Parameters<Help['formatItem']>): string {
  const [term, termWidth, description, helper] = item
  const columns = helper.helpWidth ?? usualColumns
  // Two columns before the term and two behind it.
  if (columns - termWidth - 4 >= leastBeside) return Help.prototype.formatItem.apply(helper, item)
  return [`  ${term}`, ...fold(description, columns - 6).map((line) => `      ${line}`)].join('\n')
}

/** vulcan ls: the workloads that are known, newest first. */
import { Command, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { statuses, type ExitRecord, type WorkloadSummary } from '../api/workload.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { table, type Column } from './tables.ts'
import { age } from './terminal.ts'
import { json } from './text.ts'

export function lsCommand(act: Act): CommandUnknownOpts {
  return new Command('ls')
    .description('list workloads, newest first')
    .addOption(new Option('--status <status>', 'only those').choices(statuses))
    .option('--runtime <name>', 'only those')
    .option('--label <K=V>', 'only those')
    .option('--limit <n>', 'at most so many', '20')
    .option('--cursor <id>', 'go on behind that one: next_cursor of the page before')
    .option('--json', 'as JSON')
    .action(({ json: asJson, ...query }) => act((context) => ls(context, query, asJson === true)))
}

type Query = Readonly<Record<string, string | undefined>>

async function ls(context: Context, query: Query, asJson: boolean): Promise<void> {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const page = await (await connectToRunning(context)).list(Object.fromEntries(given))
  if (asJson) return context.print(json(page))
  const now = Date.now()
  await context.print(
    table(
      columns,
      page.workloads.map((workload) => rowOf(workload, now)),
      context.columns,
    ),
  )
  if (page.next_cursor !== undefined) context.terminal.note(`there are more: --cursor ${page.next_cursor}`)
}

const columns: readonly Column[] = [
  { head: 'ID' },
  { head: 'STATUS' },
  { head: 'AGE' },
  { head: 'RUNTIME', min: 8 },
  { head: 'EXIT', min: 8 },
  { head: 'LABELS', min: 8 },
]

const rowOf = ({ id, status, created_at: created, runtime, exit, labels }: WorkloadSummary, now: number): string[] => [
  id,
  status,
  age(now - Date.parse(created)),
  runtime,
  exit ? exitWords(exit) : '',
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' '),
]

const exitWords = ({ by, code, signal }: ExitRecord): string => {
  const how = code ?? signal
  return by === 'program' && how !== undefined ? String(how) : by
}

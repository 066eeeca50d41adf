/** vulcan ls: the workloads that are known, newest first. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import { table } from './tables.ts'

export function lsCommand(act: Act): CommandUnknownOpts {
  return new Command('ls')
    .description('list workloads, newest first')
    .option('--status <status>', 'only those')
    .option('--runtime <name>', 'only those')
    .option('--label <K=V>', 'only those')
    .option('--limit <n>', 'at most so many', '20')
    .option('--json', 'as JSON')
    .action(({ json, status, runtime, label, limit }) =>
      act(async (context) => {
        const page = await (await connectToRunning(context)).list(given({ status, runtime, label, limit }))
        if (json) return context.print(`${JSON.stringify(page, null, 2)}\n`)
        const rows = page.workloads.map(({ id, status, runtime, created_at: created, exit }) => [
          id,
          status,
          runtime,
          created,
          exit?.by ?? '',
        ])
        await context.print(table([['ID', 'STATUS', 'RUNTIME', 'CREATED', 'BY'], ...rows]))
      }),
    )
}

function given(query: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined))
}

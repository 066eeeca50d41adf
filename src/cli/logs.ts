/** vulcan logs: a workload's output, so far or (with -f) to its end. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { eventsOf, showOutput } from './follow.ts'
import { idOf } from './id.ts'
import { jsonLine } from './text.ts'

export function logsCommand(act: Act): CommandUnknownOpts {
  return new Command('logs')
    .description('show what a workload wrote')
    .argument('<id>', 'of the workload', idOf)
    .option('-f, --follow', 'go on until it ends, also over a restart of the server')
    .option('--json', 'one event a line')
    .action((id, o) => act((context) => logs(context, id, o)))
}

async function logs(context: Context, id: string, o: { follow?: true; json?: true }): Promise<void> {
  const client = await connectToRunning(context)
  const log = client.logs(id, { follow: o.follow === true, signal: context.signal })
  for await (const event of eventsOf(log, { id }))
    await (o.json ? context.print(jsonLine(event)) : showOutput(context, event))
}

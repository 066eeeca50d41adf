/** vulcan logs: a workload's output, so far or (with -f) to its end. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { outputBytes, type LogEvent } from '../api/sse.ts'
import { hasEnded } from '../api/workload.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'

export function logsCommand(act: Act): CommandUnknownOpts {
  return new Command('logs')
    .description('show what a workload wrote')
    .argument('<id>', 'of the workload')
    .option('-f, --follow', 'go on until it ends')
    .option('--json', 'one event a line')
    .action((id, o) => act((context) => logs(context, id, o)))
}

async function logs(context: Context, id: string, o: { follow?: true; json?: true }): Promise<void> {
  const client = await connectToRunning(context)
  const record = await client.get(id)
  if (o.follow || hasEnded(record.status)) {
    for await (const event of client.logs(id, { signal: context.signal })) await show(context, event, o.json === true)
    return
  }
  // Running, and only what there is was asked for: that is in the record.
  if (o.json) return context.print(`${JSON.stringify(record)}\n`)
  await context.print(record.stdout)
  process.stderr.write(record.stderr)
}

async function show(context: Context, event: LogEvent, json: boolean): Promise<void> {
  if (json) return context.print(`${JSON.stringify(event)}\n`)
  if (event.event === 'stdout') await context.print(outputBytes(event.data))
  else if (event.event === 'stderr') process.stderr.write(outputBytes(event.data))
}

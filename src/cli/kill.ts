/** vulcan kill: asks for the end of workloads. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { wordsOf } from './exits.ts'
import { idsOf } from './id.ts'
import { json } from './text.ts'

export function killCommand(act: Act): CommandUnknownOpts {
  return new Command('kill')
    .description('end workloads')
    .argument('<ids...>', 'of the workloads', idsOf)
    .option('--json', 'the ids whose end was asked for, as JSON')
    .action((ids, o) => act((context) => kill(context, ids, o.json === true)))
}

/** One that has ended already keeps none of the others alive; it is told of at the end. */
async function kill(context: Context, ids: readonly string[], asJson: boolean): Promise<void> {
  const client = await connectToRunning(context)
  const asked = await Promise.allSettled(ids.map((id) => client.kill(id)))
  if (asJson) await context.print(json({ killed: ids.filter((_, at) => asked[at]?.status === 'fulfilled') }))
  const failed = asked.filter((one) => one.status === 'rejected').map(({ reason }) => reason as unknown)
  for (const error of failed.slice(1)) context.terminal.note(wordsOf(error))
  if (failed.length > 0) throw failed[0]
}

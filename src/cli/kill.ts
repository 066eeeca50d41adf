/** vulcan kill: asks for the end of workloads. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'

export function killCommand(act: Act): CommandUnknownOpts {
  return new Command('kill')
    .description('end workloads')
    .argument('<ids...>', 'of the workloads')
    .action((ids) =>
      act(async (context) => {
        const client = await connectToRunning(context)
        for (const id of ids) await client.kill(id)
      }),
    )
}

/** vulcan gc: what nothing needs any more, removed. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import { json } from './text.ts'

export function gcCommand(act: Act): CommandUnknownOpts {
  return new Command('gc')
    .description('remove what vms have left behind')
    .option('--dry-run', 'only say what there is')
    .option('--json', 'as JSON')
    .action((o) =>
      act(async (context) => {
        const client = await connectToRunning(context)
        const { removed } = await (o.dryRun ? client.leftovers() : client.cleanup())
        if (o.json) return context.print(json({ removed }))
        const found = Object.entries(removed).filter(([, count]) => count > 0)
        const words = found.map(([kind, count]) => `${count} ${kind}`).join(', ') || 'nothing'
        await context.print(`${o.dryRun ? 'would remove' : 'removed'} ${words}\n`)
      }),
    )
}

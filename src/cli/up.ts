/** vulcan up: the server, and the machine where one is needed, started and left running. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'
import { connect } from './connect.ts'
import { shownServerFile } from './serverfile.ts'
import { json } from './text.ts'

export function upCommand(act: Act): CommandUnknownOpts {
  return new Command('up')
    .description('start the server, and the machine where KVM is not usable; one with other settings is replaced')
    .option('--json', 'where it is, as JSON')
    .action((o) =>
      act(async (context) => {
        await connect(context, [], { asSet: true })
        const file = await shownServerFile(context.config.home)
        if (o.json) return context.print(json(file))
        context.terminal.note(
          `the server listens at ${file?.url} (${file?.place === 'machine' ? 'in the machine' : 'on this host'})`,
        )
      }),
    )
}

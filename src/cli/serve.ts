/** vulcan serve: the server in the foreground, until it is told to stop. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Act } from './cli.ts'

export function serveCommand(act: Act): CommandUnknownOpts {
  return new Command('serve')
    .description('run the server here, in the foreground')
    .action(() =>
      act(({ serve, loaded, signal, terminal }) => serve(loaded, { signal, say: (words) => terminal.note(words) })),
    )
}

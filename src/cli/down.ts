/** vulcan down: the server and the machine, stopped; workloads that run are killed. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { stopMachine } from '../machine/machine.ts'
import type { Act } from './cli.ts'
import { stopHostServer } from './hostserver.ts'
import { removeServerFile } from './serverfile.ts'
import { json } from './text.ts'

export function downCommand(act: Act): CommandUnknownOpts {
  return new Command('down')
    .description('stop the server and the machine')
    .option('--json', 'what was stopped, as JSON')
    .action((o) =>
      act(async ({ config, terminal, signal, print }) => {
        const server = await stopHostServer(config.home)
        const machine = await stopMachine({ home: config.home, signal })
        await removeServerFile(config.home)
        if (o.json) return print(json({ server, machine }))
        if (machine) terminal.note('the machine is off')
        else terminal.note(server ? 'the server has stopped' : 'nothing was running')
      }),
    )
}

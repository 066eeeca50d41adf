/** vulcan config: every setting, what it is and where from. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { variableOf, type SettingName } from '../config.ts'
import { settings } from '../settings.ts'
import { machineStatus } from '../machine/machine.ts'
import type { Act } from './cli.ts'
import { contradictionsIn } from './contradictions.ts'
import { serverLives } from './hostserver.ts'
import { inWords, notInForce } from './inforce.ts'
import { readServerFile } from './serverfile.ts'
import { table, type Column } from './tables.ts'
import { json } from './text.ts'

export function configCommand(act: Act): CommandUnknownOpts {
  return new Command('config')
    .description('show every setting, its value and where it comes from')
    .option('--json', 'as JSON')
    .action(({ json: asJson }) =>
      act(async ({ config, loaded, print, terminal, columns: width }) => {
        const names = Object.keys(settings) as SettingName[]
        const rows = names.map((name) => ({
          name,
          value: config[name],
          origin: loaded.origins[name],
          variable: variableOf(name),
          about: settings[name].doc,
        }))
        const lines = rows.map(({ name, value, origin, about }) => [name, String(value), origin, about])
        await print(asJson ? json(rows) : table(columns, lines, width))
        for (const words of contradictionsIn(loaded)) terminal.note(words)
        const server = (await isRunning(config.home)) ? await readServerFile(config.home) : undefined
        const others = server ? notInForce(server, loaded) : []
        for (const other of others) terminal.note(inWords(other))
        if (others.length > 0) terminal.note('vulcan up gives it these')
      }),
    )
}

const isRunning = async (home: string): Promise<boolean> =>
  (await serverLives(home)) || (await machineStatus({ home })).running

const columns: readonly Column[] = [
  { head: 'SETTING' },
  { head: 'VALUE', min: 16, stays: true },
  { head: 'FROM', min: 12 },
  { head: 'IS', min: 24 },
]

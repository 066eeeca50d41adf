/** vulcan backends, nodes, images: what there is to run on. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { table, type Column } from './tables.ts'
import { json } from './text.ts'

export interface Listing<T> {
  /** Of the command, and of the list in the API's own document, which `--json` prints. */
  readonly name: string
  readonly about: string
  readonly ask: (client: Client) => Promise<readonly T[]>
  readonly columns: readonly Column[]
  readonly row: (item: T) => readonly string[]
}

export function listing<T>(act: Act, o: Listing<T>): CommandUnknownOpts {
  return new Command(o.name)
    .description(o.about)
    .option('--json', 'as JSON')
    .action(({ json: asJson }) =>
      act(async (context) => {
        await printListing(context, { ...o, items: await o.ask(await connectToRunning(context)), asJson })
      }),
    )
}

type Shown<T> = Pick<Listing<T>, 'name' | 'columns' | 'row'> & {
  readonly items: readonly T[]
  readonly asJson?: true | undefined
}

export async function printListing<T>(context: Context, o: Shown<T>): Promise<void> {
  const { name, items, columns, row, asJson } = o
  await context.print(asJson ? json({ [name]: items }) : table(columns, items.map(row), context.columns))
}

export const backendsCommand = (act: Act): CommandUnknownOpts =>
  listing(act, {
    name: 'backends',
    about: 'list backends and whether they are online',
    ask: (client) => client.backends(),
    columns: [
      { head: 'BACKEND' },
      { head: 'ONLINE' },
      { head: 'ISOLATION', min: 9 },
      { head: 'RUNTIMES', min: 8 },
      { head: 'DETAILS', min: 12 },
    ],
    row: ({ name, online, reason, isolation, runtimes, details }) => [
      name,
      online ? 'yes' : 'no',
      isolation.join(','),
      runtimes.join(','),
      [...(reason === undefined ? [] : [reason]), ...Object.entries(details).map((pair) => pair.join('='))].join(' '),
    ],
  })

export const nodesCommand = (act: Act): CommandUnknownOpts =>
  listing(act, {
    name: 'nodes',
    about: 'list nodes and what they carry',
    ask: (client) => client.nodes(),
    columns: [
      { head: 'NODE', min: 12 },
      { head: 'ONLINE' },
      { head: 'VMS' },
      { head: 'WAITING', min: 7 },
      { head: 'MEMORY MB', min: 9 },
    ],
    row: (node) => [
      node.name,
      node.online ? 'yes' : 'no',
      `${node.vms}/${node.max_vms}`,
      String(node.pending),
      `${node.mem_mb}/${node.max_mem_mb}`,
    ],
  })

export const imagesCommand = (act: Act): CommandUnknownOpts =>
  listing(act, {
    name: 'images',
    about: 'list images',
    ask: (client) => client.images(),
    columns: [{ head: 'IMAGE' }, { head: 'DIGEST', min: 8 }, { head: 'MB', min: 2 }],
    row: ({ name, digest, bytes }) => [name, digest?.slice(0, 12) ?? 'not built', megabytes(bytes)],
  })

/** Rounded; empty where it is not known. */
export const megabytes = (bytes: number | undefined): string =>
  bytes === undefined ? '' : String(Math.round(bytes / (1 << 20)))

/** vulcan backends, nodes, images: what there is to run on. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import { table } from './tables.ts'

interface Listing<T> {
  readonly name: string
  readonly about: string
  readonly ask: (client: Client) => Promise<readonly T[]>
  readonly head: readonly string[]
  readonly row: (item: T) => readonly string[]
}

function listing<T>(act: Act, o: Listing<T>): CommandUnknownOpts {
  return new Command(o.name)
    .description(o.about)
    .option('--json', 'as JSON')
    .action(({ json }) =>
      act(async (context) => {
        const items = await o.ask(await connectToRunning(context))
        await context.print(json ? `${JSON.stringify(items, null, 2)}\n` : table([o.head, ...items.map(o.row)]))
      }),
    )
}

export const backendsCommand = (act: Act): CommandUnknownOpts =>
  listing(act, {
    name: 'backends',
    about: 'list backends and whether they are online',
    ask: (client) => client.backends(),
    head: ['BACKEND', 'ONLINE', 'ISOLATION', 'RUNTIMES', 'DETAILS'],
    row: ({ name, online, reason, isolation, runtimes, details }) => [
      name,
      online ? 'yes' : `no: ${reason ?? ''}`,
      isolation.join(','),
      runtimes.join(','),
      Object.entries(details)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ],
  })

export const nodesCommand = (act: Act): CommandUnknownOpts =>
  listing(act, {
    name: 'nodes',
    about: 'list nodes and what they carry',
    ask: (client) => client.nodes(),
    head: ['NODE', 'ONLINE', 'VMS', 'WAITING', 'MEMORY MB'],
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
    head: ['IMAGE', 'DIGEST', 'MB'],
    row: ({ name, digest, bytes }) => [
      name,
      digest?.slice(0, 12) ?? 'not built',
      bytes === undefined ? '' : String(bytes >> 20),
    ],
  })

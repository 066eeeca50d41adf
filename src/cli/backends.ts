/** vulcan backends, nodes, images, templates: what there is to run on. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import { table, type Column } from './tables.ts'
import { age } from './terminal.ts'
import { json } from './text.ts'

interface Listing<T> {
  readonly name: string
  readonly about: string
  readonly ask: (client: Client) => Promise<readonly T[]>
  readonly columns: readonly Column[]
  readonly row: (item: T) => readonly string[]
}

function listing<T>(act: Act, o: Listing<T>): CommandUnknownOpts {
  return new Command(o.name)
    .description(o.about)
    .option('--json', 'as JSON')
    .action(({ json: asJson }) =>
      act(async (context) => {
        const items = await o.ask(await connectToRunning(context))
        await context.print(asJson ? json(items) : table(o.columns, items.map(o.row), context.columns))
      }),
    )
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

export const templatesCommand = (act: Act): CommandUnknownOpts =>
  listing(act, {
    name: 'templates',
    about: 'list the snapshots that vms go on from',
    ask: (client) => client.templates(),
    columns: [
      { head: 'RUNTIME' },
      { head: 'STATE' },
      { head: 'CPUS', min: 4 },
      { head: 'VM MB', min: 5 },
      { head: 'DISK MB', min: 7 },
      { head: 'NETWORK', min: 7 },
      { head: 'MB', min: 2 },
      { head: 'AGE', min: 3 },
      { head: 'WHY', min: 8 },
    ],
    row: ({ runtime, state, cpus, mem_mb: mem, disk_mb: disk, nic, bytes, made_at: made, reason = '' }) => [
      ...[runtime, state, String(cpus), String(mem), String(disk), nic ? 'yes' : 'no', megabytes(bytes)],
      made === undefined ? '' : age(Date.now() - Date.parse(made)),
      reason,
    ],
  })

const megabytes = (bytes: number | undefined): string =>
  bytes === undefined ? '' : String(Math.round(bytes / (1 << 20)))

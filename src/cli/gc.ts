/** vulcan gc: what nothing needs any more, removed. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import { VulcanError } from '../api/errors.ts'
import type { LeftoverState } from '../api/state.ts'
import { findSuperseded, removeSuperseded, type Superseded } from '../images/superseded.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { heldPaths } from './holds.ts'
import { table } from './tables.ts'
import { json } from './text.ts'

export function gcCommand(act: Act): CommandUnknownOpts {
  return new Command('gc')
    .description(
      'remove what has no owner any more, what is outdated, and assets and images that others have superseded',
    )
    .option('--dry-run', 'only say what there is')
    .option('--pool', 'also remove the vms that wait, ready, for a run')
    .option('--json', 'as JSON')
    .action((o) => act((context) => gc(context, o)))
}

interface Options {
  readonly dryRun?: true
  readonly pool?: true
  readonly json?: true
}

/** What was, or would be, removed. */
interface Found {
  readonly leftovers: readonly LeftoverState[]
  /** Ended workloads beyond what is kept. */
  readonly outdated: number
  readonly ready_vms: number
  readonly superseded: readonly Superseded[]
}

async function gc(context: Context, o: Options): Promise<void> {
  const found = { ...(await leftByVms(context, o)), superseded: await oldEntries(context, o) }
  if (o.json) return context.print(json(found))
  await context.print(textOf(found, { dryRun: o.dryRun, columns: context.columns }))
  const stuck = found.leftovers.filter(({ trouble }) => trouble !== undefined).length
  if (stuck > 0) context.terminal.note(`could not remove ${stuck} of these; the server goes on trying`)
}

/** Pure. `columns`: of the terminal, where there is one. */
export function textOf(found: Found, o: { dryRun?: true | undefined; columns?: number | undefined } = {}): string {
  const { leftovers, superseded } = found
  const bytes = superseded.reduce((sum, entry) => sum + entry.bytes, 0)
  const words = [
    ...counted(leftovers.length, 'thing that nobody owns', 'things that nobody owns'),
    ...counted(found.ready_vms, 'ready vm', 'ready vms'),
    ...counted(found.outdated, 'outdated workload', 'outdated workloads'),
    ...counted(superseded.length, 'superseded folder', 'superseded folders').map((some) => `${some} (${mib(bytes)})`),
  ]
  const folders = superseded.map((entry) => `  ${entry.shelf}/${entry.folder}  ${mib(entry.bytes)}\n`)
  const first = `${o.dryRun ? 'would remove' : 'removed'} ${words.join(', ') || 'nothing'}\n`
  const listed = leftovers.length > 0 ? table(heads, leftovers.map(rowOf), o.columns) : ''
  return [first, listed, ...folders].join('')
}

const heads = [
  { head: 'KIND' },
  { head: 'NAME' },
  { head: 'OWNER', min: 8 },
  { head: 'SINCE', min: 8 },
  { head: 'WHY', min: 8 },
]

const rowOf = ({ kind, name, owner, since = '', why, trouble }: LeftoverState): string[] => [
  kind,
  name,
  owner,
  since,
  trouble === undefined ? why : `${why}; not removed: ${trouble}`,
]

const counted = (count: number, one: string, more: string): string[] =>
  count > 0 ? [`${count} ${count === 1 ? one : more}`] : []

const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`

/** Without a server there is nobody to ask, and no need: the next one removes what vms left when it starts. */
async function leftByVms(context: Context, o: Options): Promise<Omit<Found, 'superseded'>> {
  try {
    const client = await connectToRunning(context)
    const ready = o.pool ? await readyVms(client, o) : 0
    return { ...(await (o.dryRun ? client.leftovers() : client.cleanup())), ready_vms: ready }
  } catch (error) {
    if (!(error instanceof VulcanError) || error.code !== 'server_unreachable') throw error
    context.terminal.note('no server runs; its next start removes what vms have left')
    return { leftovers: [], outdated: 0, ready_vms: 0 }
  }
}

/** How many vms waited to be used and are gone, or wait and would be. */
async function readyVms(client: Client, o: Options): Promise<number> {
  if (!o.dryRun) return (await client.drain()).removed['ready_vms'] ?? 0
  return (await client.pool()).classes.reduce((sum, { ready, slots }) => sum + ready + slots, 0)
}

async function oldEntries({ config, terminal, signal }: Context, o: Options): Promise<readonly Superseded[]> {
  const { home } = config
  const held = await heldPaths(home)
  if (!held) {
    terminal.note('assets and images stay: what the running server uses is not known; try again after its next start')
    return []
  }
  const found = await findSuperseded(home, held)
  if (o.dryRun) return found
  const gone: Superseded[] = []
  for (const entry of found) {
    const onWait = () => terminal.note(`${entry.name} is being made; waiting for it`)
    if (await removeSuperseded(home, entry, { signal, onWait })) gone.push(entry)
  }
  return gone
}

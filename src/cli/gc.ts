/** vulcan gc: what nothing needs any more, removed. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { VulcanError } from '../api/errors.ts'
import { findSuperseded, removeSuperseded, type Superseded } from '../images/superseded.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { heldPaths } from './holds.ts'
import { json } from './text.ts'

export function gcCommand(act: Act): CommandUnknownOpts {
  return new Command('gc')
    .description('remove what vms have left behind, and assets and images that others have superseded')
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

async function gc(context: Context, o: Options): Promise<void> {
  const removed = await leftByVms(context, o)
  const superseded = await oldEntries(context, o)
  if (o.json) return context.print(json({ removed, superseded }))
  await context.print(textOf({ removed, superseded }, o.dryRun))
}

/** What was, or would be, removed: leftovers of vms by their kind, and folders. Pure. */
export function textOf(
  found: { removed: Readonly<Record<string, number>>; superseded: readonly Superseded[] },
  dryRun?: true,
): string {
  const left = Object.entries(found.removed).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []))
  const bytes = found.superseded.reduce((sum, entry) => sum + entry.bytes, 0)
  const count = found.superseded.length
  const folders = count > 0 ? [`${count} superseded ${count === 1 ? 'folder' : 'folders'} (${mib(bytes)})`] : []
  const words = [...left, ...folders].join(', ') || 'nothing'
  const lines = found.superseded.map((entry) => `  ${entry.shelf}/${entry.folder}  ${mib(entry.bytes)}`)
  return `${[`${dryRun ? 'would remove' : 'removed'} ${words}`, ...lines].join('\n')}\n`
}

const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`

/** Without a server there is nobody to ask, and no need: the next one removes what vms left when it starts. */
async function leftByVms(context: Context, o: Options): Promise<Readonly<Record<string, number>>> {
  try {
    const client = await connectToRunning(context)
    if (o.dryRun) return (await client.leftovers()).removed
    const ready = o.pool ? (await client.drain()).removed : {}
    return { ...ready, ...(await client.cleanup()).removed }
  } catch (error) {
    if (!(error instanceof VulcanError) || error.code !== 'server_unreachable') throw error
    context.terminal.note('no server runs; its next start removes what vms have left')
    return {}
  }
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

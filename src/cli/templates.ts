/** vulcan templates: what vms go on from; and has those made that are missing. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import type { TemplateInfo } from '../api/warm.ts'
import { sleep } from '../base/time.ts'
import { listing, type Listing, megabytes, printListing } from './backends.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { exits } from './exits.ts'
import { age } from './terminal.ts'

const templates: Listing<TemplateInfo> = {
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
}

export const templatesCommand = (act: Act): CommandUnknownOpts =>
  listing(act, templates).addCommand(
    new Command('build')
      .description('make those of each runtime with default settings that are missing, and wait for them')
      .option('--json', 'as JSON')
      // The word before it takes `--json` too, wherever it stands.
      .action((_, command) => act((context) => build(context, command.optsWithGlobals().json))),
  )

/** Between two looks at how far it is, in milliseconds: each takes seconds at least. */
const lookMs = 500

async function build(context: Context, asJson: true | undefined): Promise<number> {
  const client = await connectToRunning(context)
  const asked = await client.buildTemplates()
  if (asked.length === 0) context.terminal.note('none is made here: the setting templates is off')
  const items = asked.some(isOpen) ? await made(context, client) : asked
  await printListing(context, { ...templates, items, asJson })
  return items.some(({ state }) => state === 'failed') ? exits.vulcan : 0
}

const isOpen = ({ state }: TemplateInfo): boolean => state === 'building' || state === 'waiting'

/** Waits until none is in the making any more. */
function made({ terminal, signal }: Context, client: Client): Promise<readonly TemplateInfo[]> {
  return terminal.step('making templates', async (step) => {
    for (;;) {
      const items = await client.templates()
      const open = items.filter(isOpen)
      if (open.length === 0) return items
      step.update(`${open.map(({ runtime }) => runtime).join(', ')} to go`)
      await sleep(lookMs, signal)
    }
  })
}

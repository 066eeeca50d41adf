/** vulcan open: the dashboard in a browser, let in by a link that is good once. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { CommandFailed, run } from '../base/process.ts'
import { hasDesktop } from '../config.ts'
import type { Act } from './cli.ts'
import { connect } from './connect.ts'
import type { Context } from './context.ts'
import { readServerFile } from './serverfile.ts'
import { json } from './text.ts'

export function openCommand(act: Act): CommandUnknownOpts {
  return new Command('open')
    .description('open the dashboard in a browser')
    .option('--print', 'print the link instead; good once, for two minutes')
    .option('--json', 'the link as JSON')
    .action((o) => act((context) => open(context, o)))
}

async function open(context: Context, o: { print?: true; json?: true }): Promise<void> {
  const client = await connect(context, [])
  const { path, expires_at } = await client.loginLink()
  const url = new URL(path, (await readServerFile(context.config.home))?.url).href
  if (o.json) return context.print(json({ url, expires_at }))
  if (!o.print && hasDesktop() && (await shown(url, context.signal))) {
    return context.terminal.note('the dashboard opens in your browser; where it does not: vulcan open --print')
  }
  if (!o.print) context.terminal.note('there is no desktop here; open this in a browser within two minutes:')
  await context.print(`${url}\n`)
}

/** True when the desktop took the link. */
async function shown(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    await run(['xdg-open', url], { signal, timeoutMs: 20_000 })
    return true
  } catch (error) {
    // A desktop without the tool, or without a browser.
    if (error instanceof CommandFailed && error.why !== 'aborted') return false
    throw error
  }
}

/** vulcan backup: a copy of what the home keeps, also while its server runs. */
import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { exists, syncPath } from '../base/files.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import { UsageError, type Context } from './context.ts'
import { readServerFile } from './serverfile.ts'
import { json } from './text.ts'

export function backupCommand(act: Act): CommandUnknownOpts {
  return new Command('backup')
    .description('copy what is kept: records, outputs, keys and settings; the server may run meanwhile')
    .argument('<path>', 'to make: a folder, or an archive where it ends in .tar.zst')
    .option('--json', 'where it is and its size, as JSON')
    .action((path, o) => act((context) => backup(context, resolve(path), o.json === true)))
}

async function backup(context: Context, path: string, asJson: boolean): Promise<void> {
  const { config, signal, terminal } = context
  if (await exists(path)) throw new UsageError(`${path}: is there already`)
  const server = await readServerFile(config.home)
  const isInMachine = server?.place === 'machine'
  const bytes = await (isInMachine ? fromServer(context, path) : context.backUp({ home: config.home, path, signal }))
  if (asJson) return context.print(json({ path, bytes }))
  terminal.note(`${path}: ${(bytes / (1 << 20)).toFixed(1)} MiB`)
}

/** The machine's disk is out of reach from here; its server makes the copy and sends it. */
async function fromServer(context: Context, path: string): Promise<number> {
  if (!path.endsWith('.tar.zst')) throw new UsageError(`${path}: of the machine’s server only a .tar.zst can be made`)
  const temporary = `${path}.tmp`
  try {
    const bytes = await (await connectToRunning(context)).backup(context.signal)
    const to = createWriteStream(temporary, { mode: 0o600, flush: true })
    await pipeline(Readable.fromWeb(bytes), to, { signal: context.signal })
    await rename(temporary, path)
    await syncPath(dirname(path))
    return (await stat(path)).size
  } finally {
    await rm(temporary, { force: true })
  }
}

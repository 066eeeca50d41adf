/**
 * The entry of the program: the command line, with what it does not know itself. Only what a command needs is loaded, from
 * V8's cache where that can be written: most of the time of a short command is spent on loading.
 */
import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Wiring } from './cli/context.ts'

const program = fileURLToPath(import.meta.url)
const root = dirname(dirname(program))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const wiring: Wiring = {
  ...{ root, program, version },
  serve: async (loaded, o) => (await import('./serve/serve.ts')).serve(loaded, { ...o, program, version }),
  foreignDrops: async (o) => (await import('./firecracker/network/foreign.ts')).foreignDrops(o),
  backUp: async (o) => (await import('./server/backup.ts')).backUp(o),
}

// Where it cannot be written, as in the machine, all is compiled as ever.
enableCompileCache(join(root, 'dist', 'compiled'))
const { cli } = await import('./cli/cli.ts')
process.exitCode = await cli(process.argv.slice(2), wiring)

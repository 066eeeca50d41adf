/** vulcan run: hands a program in, shows its output as it comes, exits as it did. */
import { readFile } from 'node:fs/promises'
import { buffer, text } from 'node:stream/consumers'
import { Command, InvalidArgumentError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import { outputBytes } from '../api/sse.ts'
import { isolations, networkModes, type WorkloadRecord, type WorkloadRequest } from '../api/workload.ts'
import { isMissing } from '../base/files.ts'
import type { Act } from './cli.ts'
import { collect } from './collect.ts'
import { connect } from './connect.ts'
import { UsageError, type Context } from './context.ts'
import { exits, exitStatusOf } from './exits.ts'
import { readSource } from './source.ts'

export function runCommand(act: Act): CommandUnknownOpts {
  return definition()
    .action((path, args, options) => act((context) => run(context, path, { ...options, args })))
    .addHelpText('after', help)
}

const definition = () =>
  new Command('run')
    .description('run a program in a microVM')
    .argument('<source>', 'file, folder, archive, or - for code on standard input')
    .argument('[args...]', 'arguments of the program, best behind --')
    .option('--runtime <name>', 'python, node or go; known from the file otherwise')
    .option('--entrypoint <path>', 'where the program begins in a folder or archive')
    .option('--isolation <mode>', `one of ${isolations.join(', ')}`)
    .option('--cpus <n>', 'cores, fractions too', number)
    .option('--mem <MB>', 'memory', number)
    .option('--timeout <seconds>', 'time the program may run', number)
    .option('--disk <MB>', 'what it may write', number)
    .option('--pids <n>', 'processes and threads at once', number)
    .option('--env <K=V>', 'environment variable; K alone is a mistake, not a copy', collect)
    .option('--env-file <file>', 'lines of K=V; # begins a comment')
    .option('--input <json>', 'JSON for the program, or @file')
    .option('--stdin <file>', 'standard input from a file, or - for ours')
    .option('--network <mode>', `one of ${networkModes.join(', ')}`)
    .option('--allow <where>', 'CIDR block or host name that alone may be reached', collect)
    .option('--label <K=V>', 'for finding it again', collect)
    .option('--priority <n>', 'higher starts earlier', number)
    .option('--idempotency-key <key>', 'the same key gives the same workload')
    .option('--detach', 'print the id and go')
    .option('--json', 'print the record at the end instead of the output')

const help = `
Exit status: the program's own; 124 timeout; 137 killed or out of memory; 125 Vulcan failed; 2 wrong usage; 130 interrupted.`

type Options = ReturnType<ReturnType<typeof definition>['opts']> & { readonly args: readonly string[] }

async function run(context: Context, path: string, o: Options): Promise<number> {
  const { config } = context
  await using source = await readSource(path, {
    runtime: o.runtime,
    entrypoint: o.entrypoint,
    archiveBytes: config['limits.archive_mb'] * (1 << 20),
    codeBytes: config['limits.body_mb'] * (1 << 20),
  })
  const request = { ...source.request, ...(await requestOf(o, path === '-')) }
  const client = await connect(context, [request.runtime])
  const { id } = await client.submit(request, source.archive)
  if (o.detach) {
    await context.print(o.json ? `${JSON.stringify({ id })}\n` : `${id}\n`)
    return 0
  }
  return follow(context, client, { id, json: o.json === true })
}

/** Shows a run to its end. Interrupted, it kills the run and waits for its end. */
async function follow(context: Context, client: Client, o: { id: string; json: boolean }): Promise<number> {
  const kill = () =>
    client.kill(o.id).catch((error: unknown) => {
      // It ended meanwhile, which is all that was wanted.
      if ((error as { code?: string }).code !== 'already_ended')
        context.terminal.note(`killing ${o.id}: ${String(error)}`)
    })
  const onAbort = () => void kill()
  context.signal.addEventListener('abort', onAbort, { once: true })
  if (context.signal.aborted) onAbort()
  try {
    await show(context, client, o)
  } catch (error) {
    await kill()
    throw error
  } finally {
    context.signal.removeEventListener('abort', onAbort)
  }
  const record = await client.get(o.id)
  if (o.json) await context.print(`${JSON.stringify(record, null, 2)}\n`)
  else tell(context, record)
  return context.signal.aborted ? exits.interrupted : exitStatusOf(record.exit)
}

async function show(context: Context, client: Client, o: { id: string; json: boolean }): Promise<void> {
  for await (const event of client.logs(o.id)) {
    if (o.json || event.event === 'status' || event.event === 'end') continue
    const bytes = outputBytes(event.data)
    if (event.event === 'stdout') await context.print(bytes)
    else process.stderr.write(bytes)
  }
}

/** What there is to say beyond the program's own output. */
function tell({ terminal }: Context, { id, exit, result, result_error: resultError }: WorkloadRecord): void {
  if (exit && exit.by !== 'program') terminal.note(`${exit.message ?? exit.by} (workload ${id})`)
  else if (exit?.signal) terminal.note(`the program was ended by ${exit.signal}`)
  if (result !== undefined) terminal.note(`result: ${JSON.stringify(result)}`)
  if (resultError !== undefined) terminal.note(`no result: ${resultError}`)
}

async function requestOf(o: Options, stdinIsCode: boolean): Promise<Omit<WorkloadRequest, 'runtime'>> {
  if (o.stdin === '-' && stdinIsCode) throw new UsageError('--stdin -: standard input is the code already')
  const resources = {
    ...(o.cpus !== undefined && { cpus: o.cpus }),
    ...(o.mem !== undefined && { mem_mb: o.mem }),
    ...(o.timeout !== undefined && { timeout_s: o.timeout }),
    ...(o.disk !== undefined && { disk_mb: o.disk }),
    ...(o.pids !== undefined && { pids: o.pids }),
  }
  const env = { ...(o.envFile === undefined ? {} : await envFile(o.envFile)), ...pairs('--env', o.env ?? []) }
  const network = {
    ...(o.network !== undefined && { mode: oneOf('--network', o.network, networkModes) }),
    ...(o.allow && { allow: o.allow }),
  }
  return {
    ...(o.args.length > 0 && { args: [...o.args] }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(Object.keys(network).length > 0 && { network }),
    ...(o.label && { labels: pairs('--label', o.label) }),
    ...(o.isolation !== undefined && { isolation: oneOf('--isolation', o.isolation, isolations) }),
    ...(o.priority !== undefined && { priority: o.priority }),
    ...(o.idempotencyKey !== undefined && { idempotency_key: o.idempotencyKey }),
    ...(o.input !== undefined && { input: await jsonOf(o.input) }),
    ...(o.stdin !== undefined && { stdin: await stdinOf(o.stdin) }),
  }
}

function number(word: string): number {
  const value = Number(word)
  if (word.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.')
  return value
}

function oneOf<T extends string>(flag: string, word: string, words: readonly T[]): T {
  const found = words.find((known) => known === word)
  if (found === undefined) throw new UsageError(`${flag} ${word}: is not one of ${words.join(', ')}`)
  return found
}

function pairs(flag: string, words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at < 1) throw new UsageError(`${flag} ${word}: is not K=V`)
      return [word.slice(0, at), word.slice(at + 1)]
    }),
  )
}

async function envFile(path: string): Promise<Record<string, string>> {
  const lines = (await contentOf('--env-file', path)).split(/\r?\n/).map((line) => line.trim())
  return pairs(
    `--env-file ${path}:`,
    lines.filter((line) => line !== '' && !line.startsWith('#')),
  )
}

async function jsonOf(word: string): Promise<unknown> {
  const json = word.startsWith('@') ? await contentOf('--input', word.slice(1)) : word
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new UsageError(`--input ${word}: is not JSON: ${(error as Error).message}`)
  }
}

async function stdinOf(path: string): Promise<string> {
  if (path === '-') return text(process.stdin)
  return contentOf('--stdin', path)
}

async function contentOf(flag: string, path: string): Promise<string> {
  try {
    return path === '-' ? (await buffer(process.stdin)).toString('utf8') : await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${flag} ${path}: ${isMissing(error) ? 'does not exist' : (error as Error).message}`)
  }
}

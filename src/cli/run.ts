/** vulcan run: hands a program in, shows its output as it comes, exits as it did. */
import { Command, InvalidArgumentError, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Client } from '../api/client.ts'
import { deniedWords } from '../api/denial.ts'
import { VulcanError, type ErrorCode } from '../api/errors.ts'
import { networkModes } from '../api/details.ts'
import { leftOutNames } from '../api/leftout.ts'
import { isolations, type WorkloadRecord, type WorkloadRequest } from '../api/workload.ts'
import type { Act } from './cli.ts'
import { collect } from './collect.ts'
import { connect } from './connect.ts'
import type { Context } from './context.ts'
import { exits, exitStatusOf, wordsOf } from './exits.ts'
import { eventsOf, lostOr, showOutput } from './follow.ts'
import { refuseTwoReaders, requestOf } from './request.ts'
import { readSource } from './source.ts'
import { json as pretty, jsonLine } from './text.ts'

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
    .option('--exclude <name>', 'leave that file or folder of a folder out; again for more', collect)
    .addOption(new Option('--isolation <mode>', 'what separates it from the rest').choices(isolations))
    .option('--cpus <n>', 'cores, fractions too', number)
    .option('--mem <MB>', 'memory', number)
    .option('--timeout <seconds>', 'time the program may run', number)
    .option('--disk <MB>', 'what it may write', number)
    .option('--pids <n>', 'processes and threads at once', number)
    .option('--env <K=V>', 'environment variable; K alone is a mistake, not a copy', collect)
    .option('--env-file <file>', 'lines of K=V; # begins a comment')
    .option('--input <json>', 'JSON for the program, or @file')
    .option('--stdin <file>', 'standard input from a file, or - for ours')
    .addOption(new Option('--network <mode>', 'what it may reach; internet unless given').choices(networkModes))
    .option('--allow <where>', 'CIDR block, host name or *.name that alone may be reached', collect)
    .option('--label <K=V>', 'for finding it again', collect)
    .option('--priority <n>', 'higher starts earlier', number)
    .option('--idempotency-key <key>', 'the same key gives the same workload')
    .option('--detach', 'print the id and go')
    .option('--json', 'print the record at the end instead of the output')

const help = `
Of a folder ${leftOutNames.join(', ')} and virtual environments of Python stay behind; node_modules goes with it.
Exit status: the program's own; 124 timeout; 137 killed or out of memory; 125 Vulcan failed; 2 wrong usage; 130 interrupted; 141 its output was closed, as by | head.
A run whose output is closed, or that is interrupted, is killed.`

type Options = ReturnType<ReturnType<typeof definition>['opts']> & { readonly args: readonly string[] }

async function run(context: Context, path: string, o: Options): Promise<number> {
  const { config } = context
  refuseTwoReaders(path, o)
  await using source = await readSource(path, {
    runtime: o.runtime,
    entrypoint: o.entrypoint,
    exclude: o.exclude,
    archiveBytes: config['limits.archive_mb'] * (1 << 20),
    codeBytes: config['limits.body_mb'] * (1 << 20),
    stdin: context.stdin,
  })
  const request = { ...source.request, ...(await requestOf(o, context.stdin)) }
  const client = await connect(context, [request.runtime])
  if (!o.detach) return await follow(context, client, { request, archive: source.archive, json: o.json === true })
  const { id } = await client.submit(request, source.archive)
  await context.print(o.json ? jsonLine({ id }) : `${id}\n`)
  return 0
}

interface Followed {
  readonly request: WorkloadRequest
  readonly archive: Blob | undefined
  readonly json: boolean
}

/** Runs it and shows it to its end. Interrupted, it kills the run and waits for its end. */
async function follow(context: Context, client: Client, { request, archive, json }: Followed): Promise<number> {
  const unheard = new AbortController()
  const { id, events } = await client.start(request, { archive, signal: unheard.signal })
  const onAbort = () => void kill(context, client, id).then((heard) => heard || unheard.abort(context.signal.reason))
  context.signal.addEventListener('abort', onAbort, { once: true })
  if (context.signal.aborted) onAbort()
  try {
    for await (const event of eventsOf(events, { id, known: true })) {
      if (!json) await showOutput(context, event)
    }
  } catch (error) {
    if (!unheard.signal.aborted && !isAbout(error, 'workload_lost')) await kill(context, client, id)
    throw error
  } finally {
    context.signal.removeEventListener('abort', onAbort)
  }
  const record = await recordOf(client, id)
  if (json) await context.print(pretty(record))
  else tell(context, record)
  return context.signal.aborted ? exits.interrupted : exitStatusOf(record.exit)
}

async function recordOf(client: Client, id: string): Promise<WorkloadRecord> {
  try {
    return await client.patience().keep(() => client.get(id))
  } catch (error) {
    throw lostOr(error, id)
  }
}

/** Asks for the run's end; false when nobody heard it. */
async function kill({ terminal }: Context, client: Client, id: string): Promise<boolean> {
  try {
    await client.kill(id)
  } catch (error) {
    // It ended meanwhile, which is all that was wanted.
    if (isAbout(error, 'already_ended')) return true
    terminal.note(`killing ${id}: ${wordsOf(error)}`)
    return false
  }
  return true
}

const isAbout = (error: unknown, code: ErrorCode): boolean => error instanceof VulcanError && error.code === code

/** What there is to say beyond the program's own output. */
function tell({ terminal }: Context, { id, exit, run, result, result_error: resultError }: WorkloadRecord): void {
  const refused = deniedWords(run?.network)
  if (refused !== undefined) terminal.note(refused)
  if (exit && exit.by !== 'program') terminal.note(`${exit.message ?? exit.by} (workload ${id})`)
  else if (exit?.signal) terminal.note(`the program was ended by ${exit.signal}`)
  if (result !== undefined) terminal.note(`result: ${JSON.stringify(result)}`)
  if (resultError !== undefined) terminal.note(`no result: ${resultError}`)
}

function number(word: string): number {
  const value = Number(word)
  if (word.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.')
  return value
}

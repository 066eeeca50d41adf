/** vulcan keys: who may use the server, for what, and how much. */
import { Command, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { scopes, type KeyInfo, type KeyRequest, type Scope } from '../api/keys.ts'
import type { Act } from './cli.ts'
import { collect } from './collect.ts'
import { connectToRunning } from './connect.ts'
import { UsageError, type Context } from './context.ts'
import { idOf } from './id.ts'
import { table, type Column } from './tables.ts'
import { age } from './terminal.ts'
import { json } from './text.ts'

export function keysCommand(act: Act): CommandUnknownOpts {
  const keys = new Command('keys')
    .description('who may use the server, for what, and how much')
    .enablePositionalOptions()
  keys.addCommand(createCommand(act))
  keys
    .command('ls')
    .description('list keys, the revoked included')
    .option('--json', 'as JSON')
    .action((o) => act((context) => list(context, o.json === true)))
  keys
    .command('revoke')
    .description('refuse a key from now on; what it has handed in goes on')
    .argument('<key>', 'its id', idOf)
    .option('--json', 'the key, as JSON')
    .action((id, o) => act((context) => revoke(context, id, o.json === true)))
  return keys
}

function createCommand(act: Act): CommandUnknownOpts {
  return new Command('create')
    .description('make a key and print its text, which nobody is told again')
    .argument('<name>', 'for people')
    .addOption(
      new Option('--scope <scope>', 'again for more; run: hand in, read and kill its own (default); read, admin: all')
        .choices(scopes)
        .argParser(collect),
    )
    .option('--expires <when>', 'a time in ISO 8601, or from now: 90d, 12h, 30m')
    .option('--running <n>', 'most workloads at once; more wait', Number)
    .option('--queued <n>', 'most workloads that wait; more are refused', Number)
    .option('--cpu-seconds <n>', 'processor time in a day (UTC); then no more is taken', Number)
    .option('--json', 'the key and its text, as JSON')
    .action((name, { json: asJson, ...o }) => act((context) => create(context, requestOf(name, o), asJson === true)))
}

interface Flags {
  readonly scope?: readonly string[] | undefined
  readonly expires?: string | undefined
  readonly running?: number | undefined
  readonly queued?: number | undefined
  readonly cpuSeconds?: number | undefined
}

function requestOf(name: string, { scope, expires, running, queued, cpuSeconds }: Flags): KeyRequest {
  const quotas = {
    ...(running !== undefined && { running: whole('--running', running) }),
    ...(queued !== undefined && { queued: whole('--queued', queued) }),
    ...(cpuSeconds !== undefined && { cpu_seconds: whole('--cpu-seconds', cpuSeconds) }),
  }
  return {
    name,
    // What is none the server refuses by its name.
    ...(scope && { scopes: scope as Scope[] }),
    ...(expires !== undefined && { expires_at: timeOf(expires, Date.now()) }),
    ...(Object.keys(quotas).length > 0 && { quotas }),
  }
}

function whole(flag: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value
  throw new UsageError(`${flag}: is not a whole number above 0`)
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function timeOf(text: string, now: number): string {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  return count === undefined ? text : new Date(now + Number(count) * (unitMs[unit] ?? 0)).toISOString()
}

async function create(context: Context, request: KeyRequest, asJson: boolean): Promise<void> {
  const made = await (await connectToRunning(context)).createKey(request)
  if (asJson) return context.print(json(made))
  await context.print(`${made.key}\n`)
  context.terminal.note(`this is told once; its id is ${made.id}`)
}

async function list(context: Context, asJson: boolean): Promise<void> {
  const keys = await (await connectToRunning(context)).keys()
  if (asJson) return context.print(json({ keys }))
  const now = Date.now()
  const rows = keys.map((key) => rowOf(key, now))
  await context.print(table(columns, rows, context.columns))
}

async function revoke(context: Context, id: string, asJson: boolean): Promise<void> {
  const key = await (await connectToRunning(context)).revokeKey(id)
  if (asJson) return context.print(json(key))
  context.terminal.note(`the key ${JSON.stringify(key.name)} is refused since ${key.revoked_at ?? 'now'}`)
}

const columns: readonly Column[] = [
  { head: 'ID' },
  { head: 'STATE' },
  { head: 'NAME', min: 8, stays: true },
  { head: 'SCOPES', min: 4 },
  { head: 'USED', min: 5 },
  { head: 'QUOTAS', min: 8 },
  { head: 'EXPIRES', min: 10 },
]

const rowOf = (key: KeyInfo, now: number): string[] => [
  key.id,
  stateOf(key, now),
  key.name,
  key.scopes.join(','),
  key.last_used_at === undefined ? 'never' : `${age(now - Date.parse(key.last_used_at))} ago`,
  Object.entries(key.quotas)
    .map(([name, most]) => `${name}=${most}`)
    .join(' '),
  key.expires_at ?? '',
]

function stateOf({ revoked_at: revoked, expires_at: expires }: KeyInfo, now: number): string {
  if (revoked !== undefined) return 'revoked'
  return expires !== undefined && Date.parse(expires) <= now ? 'expired' : 'valid'
}

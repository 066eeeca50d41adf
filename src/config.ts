/** Every setting (settings.ts), joined from file, environment and flags, in rising order. The only reader of process.env. */
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { parse } from 'smol-toml'
import { VulcanError } from './api/errors.ts'
import { isMissing, sha256 } from './base/files.ts'
import { distance, nearest } from './base/spelling.ts'
import { settings, userHome } from './settings.ts'

export type SettingName = keyof typeof settings
type Value<N extends SettingName> = ReturnType<(typeof settings)[N]['read']>

/** All settings, by name, frozen. */
export type Config = { readonly [N in SettingName]: Value<N> }

export interface Loaded {
  readonly config: Config
  /** Where each value came from: `default`, a file's path, a variable's name or `--flag`. */
  readonly origins: Readonly<Record<SettingName, string>>
}

export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: Readonly<Record<string, unknown>>
  /** Reads the settings file; undefined when there is none. */
  readonly readFile: (path: string) => string | undefined
}

const fail = (message: string): never => {
  throw new VulcanError('invalid_field', message, { hint: 'vulcan config lists every setting' })
}

/** The variable that holds a setting: VULCAN_SERVER_PORT for server.port. */
export function variableOf(name: string): string {
  return `VULCAN_${name.replaceAll('.', '_').toUpperCase()}`
}

/** Joins the sources. Throws a VulcanError naming the setting and the source of a value that does not fit. */
export function joinSettings(sources: Sources): Loaded {
  const values: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  for (const [name, setting] of Object.entries(settings)) {
    values[name] = setting.standard
    origins[name] = 'default'
  }
  const set = (name: string, raw: unknown, origin: string) => {
    if (!Object.hasOwn(settings, name)) {
      fail(`${origin}: there is no setting "${name}"; is ${nearest(name, Object.keys(settings))} meant?`)
    }
    try {
      values[name] = settings[name as SettingName].read(raw)
      origins[name] = origin
    } catch (error) {
      fail(
        `${origin}: ${name} = ${JSON.stringify(raw)} ${(error as Error).message} (${settings[name as SettingName].doc})`,
      )
    }
  }
  refuseMisspelt(sources.env)
  const fromEnv = Object.keys(settings).flatMap((name) => {
    const raw = sources.env[variableOf(name)]
    return raw === undefined || raw === '' ? [] : [{ name, raw, origin: variableOf(name) }]
  })
  const fromFlags = Object.entries(sources.flags).map(([name, raw]) => ({ name, raw, origin: `--set ${name}` }))
  // Where the file lies is itself a setting, so that one is read first.
  for (const { name, raw, origin } of [...fromEnv, ...fromFlags]) if (name === 'home') set(name, raw, origin)
  const file = join(values['home'] as string, 'vulcan.toml')
  for (const [name, raw] of Object.entries(fromToml(file, sources.readFile(file)))) {
    if (name === 'home') fail(`${file}: home cannot be set in the file that lies in it`)
    set(name, raw, file)
  }
  for (const { name, raw, origin } of [...fromEnv, ...fromFlags]) set(name, raw, origin)
  // Two homes on one host must not take each other's vms for their own.
  if (origins['instance'] === 'default' && values['home'] !== userHome) {
    values['instance'] = `v${sha256(values['home'] as string).slice(0, 8)}`
  }
  return { config: Object.freeze(values) as Config, origins: Object.freeze(origins) as Loaded['origins'] }
}

/**
 * VULCAN_LIMTS_CPUS must not be a limit that nobody keeps. Others have variables that begin as ours do, such as the
 * VULCAN_KEY of a script: one is taken for a setting where its first word is one's, but for a letter in three.
 */
function refuseMisspelt(env: Sources['env']): void {
  const known = Object.keys(settings).map(variableOf)
  const firstOf = (variable: string) => variable.split('_')[1] ?? ''
  const firsts = [...new Set(known.map(firstOf))]
  const isMeant = (word: string) => firsts.some((first) => distance(word, first) <= first.length / 3)
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('VULCAN_') || known.includes(variable) || !isMeant(firstOf(variable))) continue
    fail(`${variable}: there is no such setting; is ${nearest(variable, known)} meant?`)
  }
}

/** Tables flattened to dotted names. */
function fromToml(file: string, content: string | undefined): Record<string, unknown> {
  const flat: Record<string, unknown> = {}
  const walk = (table: object, prefix: string) => {
    for (const [key, value] of Object.entries(table)) {
      const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
      if (isTable) walk(value as object, `${prefix}${key}.`)
      else flat[prefix + key] = value
    }
  }
  try {
    walk(parse(content ?? ''), '')
  } catch (error) {
    fail(`${file}: is not TOML: ${(error as Error).message}`)
  }
  return flat
}

/** The settings of this process. */
export function loadConfig(flags: Readonly<Record<string, unknown>> = {}): Loaded {
  return joinSettings({ env: process.env, flags, readFile })
}

/** The type of terminal that this process was started on, where it says so. */
export function terminalType(): string | undefined {
  return process.env['TERM'] || undefined
}

/** True where this process was started on a desktop, which can open a browser. */
export function hasDesktop(): boolean {
  return Boolean(process.env['WAYLAND_DISPLAY'] || process.env['DISPLAY'])
}

/** Where systemd (Type=notify) waits for the news that a service is ready. */
const notifySocket = 'NOTIFY_SOCKET'

/** True when a service manager waits for the news that we are ready. */
export function isNotified(): boolean {
  return process.env[notifySocket] !== undefined
}

/** The width that the user asks tables to have, where COLUMNS says so. */
export function askedColumns(): number | undefined {
  const columns = process.env['COLUMNS'] ?? ''
  return /^[1-9]\d{0,3}$/.test(columns) ? Number(columns) : undefined
}

/**
 * The environment for a child of ours: our own, with the settings that were given by flags and others added. A server
 * that outlives us has nothing to say to the service manager of whoever started it.
 */
export function childEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(process.env).filter(([name, value]) => value !== undefined && name !== notifySocket)
  return { ...(Object.fromEntries(own) as Record<string, string>), ...extra }
}

/** OpenTelemetry's own variables of this process, which every program that speaks it reads. */
export function telemetryVariables(): Record<string, string> {
  return Object.fromEntries(Object.entries(childEnvironment({})).filter(([name]) => name.startsWith('OTEL_')))
}

/** What they say of traces: undefined unless they say where to, else for how long one export is tried, in milliseconds. */
export function traceSettings(
  variables: Readonly<Record<string, string>> = telemetryVariables(),
): { readonly timeoutMs: number } | undefined {
  const either = (name: string) =>
    variables[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || variables[`OTEL_EXPORTER_OTLP_${name}`]
  if (!either('ENDPOINT') || variables['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined
  // Shorter than OpenTelemetry's 10 s: a server that stops waits that long for a collector that is away.
  return { timeoutMs: Number(either('TIMEOUT')) || 3000 }
}

/** Settings that are not standard, as the variables that would set them. */
export function asVariables({ config, origins }: Loaded): Record<string, string> {
  const given = (Object.keys(settings) as SettingName[]).filter((name) => origins[name] !== 'default')
  return Object.fromEntries(given.map((name) => [variableOf(name), String(config[name])]))
}

/** The most that one workload may ask for. */
export function limitsOf(config: Config) {
  return {
    cpus: config['limits.cpus'],
    memMib: Math.min(config['limits.mem_mb'], config['concurrency.mem_mb']),
    timeoutS: config['limits.timeout_s'],
    diskMib: config['limits.disk_mb'],
    pids: config['limits.pids'],
    outputBytes: config['limits.output_mb'] * (1 << 20),
    archiveBytes: config['limits.archive_mb'] * (1 << 20),
  }
}

function readFile(path: string): string | undefined {
  if (!isAbsolute(path)) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    return fail(`${path}: cannot be read: ${(error as Error).message}`)
  }
}

/** What the form holds, and the request that it stands for, with every fault at its field. Pure. */
import { runtimeNamed } from '../../src/api/runtimes.ts'
import type { networkModes } from '../../src/api/details.ts'
import type { KeptRequest } from '../../src/api/request.ts'
import { usualResources } from '../../src/api/resources.ts'
import type { Stats } from '../../src/api/state.ts'
import type { isolations, WorkloadRequest } from '../../src/api/workload.ts'
import { fileNames, starters, type RuntimeName } from './starters.ts'

export interface Form {
  readonly runtime: RuntimeName
  readonly source: 'code' | 'files'
  readonly code: Readonly<Record<RuntimeName, string>>
  /** Path in the files, or name of the code's file; empty for what is usual. */
  readonly entrypoint: string
  readonly isolation: (typeof isolations)[number]
  readonly cpus: string
  readonly memMb: string
  readonly timeoutS: string
  readonly diskMb: string
  readonly pids: string
  readonly network: (typeof networkModes)[number]
  /** One a line, as are `args` and `env` (NAME=value). */
  readonly allow: string
  readonly args: string
  readonly env: string
  /** JSON; empty for none. */
  readonly input: string
  readonly stdin: string
  /** Of an earlier request, where the form begins from one: the form has no fields for it. */
  readonly also: Pick<WorkloadRequest, 'labels' | 'priority'>
}

export type Field = keyof Form | 'files'

export type Faults = Readonly<Partial<Record<Field, string>>>

export const emptyForm: Form = {
  runtime: 'python',
  source: 'code',
  code: starters,
  entrypoint: '',
  isolation: 'auto',
  cpus: String(usualResources.cpus),
  memMb: '256',
  timeoutS: String(usualResources.timeout_s),
  diskMb: String(usualResources.disk_mb),
  pids: String(usualResources.pids),
  network: 'internet',
  allow: '',
  args: '',
  env: '',
  input: '',
  stdin: '',
  also: {},
}

interface Bound {
  readonly min: number
  readonly max: number
  readonly whole: boolean
}

/** The most that one workload may ask for, as the server says. */
export type Limits = Stats['limits']

/** What any server takes; each has limits of its own below. */
export const bounds = {
  cpus: { min: 0.1, max: 32, whole: false },
  memMb: { min: 16, max: 1_048_576, whole: true },
  timeoutS: { min: 0.1, max: 604_800, whole: false },
  diskMb: { min: 1, max: 1_048_576, whole: true },
  pids: { min: 1, max: 32_768, whole: true },
} as const satisfies Partial<Record<keyof Form, Bound>>

/** The request, as far as it can be made, and what is wrong with the fields. */
export function requestOf(form: Form, limits?: Limits): { readonly request: WorkloadRequest; readonly faults: Faults } {
  const faults: Partial<Record<Field, string>> = {}
  const env = envOf(form.env, faults)
  const args = linesOf(form.args)
  const allow = linesOf(form.allow)
  const input = inputOf(form.input, faults)
  const resources = {
    ...numberOf(form, { field: 'cpus', name: 'cpus', limits }, faults),
    ...numberOf(form, { field: 'memMb', name: 'mem_mb', limits }, faults),
    ...numberOf(form, { field: 'timeoutS', name: 'timeout_s', limits }, faults),
    ...numberOf(form, { field: 'diskMb', name: 'disk_mb', limits }, faults),
    ...numberOf(form, { field: 'pids', name: 'pids', limits }, faults),
  }
  const code = form.code[form.runtime]
  if (form.source === 'code' && code.trim() === '') faults.code = 'There is no code yet.'
  const entrypoint = form.entrypoint.trim() || (form.source === 'code' ? fileNames[form.runtime] : '')
  const request: WorkloadRequest = {
    runtime: form.runtime,
    isolation: form.isolation,
    ...(form.source === 'code' && { code }),
    ...(entrypoint !== '' && { entrypoint }),
    ...(args.length > 0 && { args }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(form.stdin !== '' && { stdin: form.stdin }),
    ...(input !== undefined && { input }),
    resources,
    ...form.also,
    network: form.network === 'internet' && allow.length > 0 ? { mode: form.network, allow } : form.network,
  }
  return { request, faults }
}

/** The form that stands for a request: the other way round, for a run again. */
export function formOf(request: WorkloadRequest): Form {
  const runtime = request.runtime as RuntimeName
  const { resources = {}, network = 'internet' } = request
  const text = (value: number | undefined, standard: string) => (value === undefined ? standard : String(value))
  const { mode = 'internet', allow = [] } = typeof network === 'string' ? { mode: network } : network
  return {
    ...emptyForm,
    runtime,
    source: request.code === undefined ? 'files' : 'code',
    code: { ...starters, ...(request.code !== undefined && { [runtime]: request.code }) },
    entrypoint:
      request.code !== undefined && request.entrypoint === fileNames[runtime] ? '' : (request.entrypoint ?? ''),
    isolation: request.isolation ?? 'auto',
    cpus: text(resources.cpus, emptyForm.cpus),
    memMb: text(resources.mem_mb, emptyForm.memMb),
    timeoutS: text(resources.timeout_s, emptyForm.timeoutS),
    diskMb: text(resources.disk_mb, emptyForm.diskMb),
    pids: text(resources.pids, emptyForm.pids),
    network: mode,
    allow: textOf(allow),
    args: textOf(request.args ?? []),
    env: textOf(Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`)),
    input: request.input === undefined ? '' : JSON.stringify(request.input, null, 2),
    stdin: request.stdin ?? '',
    also: {
      ...(request.labels && { labels: request.labels }),
      ...(request.priority && { priority: request.priority }),
    },
  }
}

/** The form of a request that the server kept; what it withholds is left to be filled in. */
export function formAgain({ request, archive, env_names: names, withheld }: KeptRequest): Form {
  const form = formOf(request)
  return {
    ...form,
    source: archive ? 'files' : 'code',
    ...(withheld.includes('code') && { code: { ...starters, [form.runtime]: '' } }),
    ...(withheld.includes('env') && { env: names.map((name) => `${name}=`).join('\n') }),
  }
}

/** The form with another runtime; memory follows where it is what the runtime before has by default. */
export function withRuntime(form: Form, runtime: RuntimeName): Form {
  const memory = (name: RuntimeName) => String(runtimeNamed(name)?.defaultMemMib ?? 256)
  const memMb = form.memMb === memory(form.runtime) ? memory(runtime) : form.memMb
  return { ...form, runtime, memMb, entrypoint: '' }
}

/** One a line. An empty last one has a line break of its own, or it would be none. */
const textOf = (lines: readonly string[]): string => lines.join('\n') + (lines.at(-1) === '' ? '\n' : '')

const linesOf = (text: string): string[] =>
  text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.replace(/\r$/, ''))

function envOf(text: string, faults: Partial<Record<Field, string>>): Record<string, string> {
  const env: Record<string, string> = {}
  for (const line of linesOf(text)) {
    if (line.trim() === '') continue
    const at = line.indexOf('=')
    if (at < 1) faults.env ??= `“${line}” is not NAME=value.`
    else env[line.slice(0, at)] = line.slice(at + 1)
  }
  return env
}

function inputOf(text: string, faults: Partial<Record<Field, string>>): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    faults.input = `This is not JSON: ${(error as Error).message}`
    return undefined
  }
}

/** The field as it goes into the request; nothing where it is at fault. */
function numberOf<N extends keyof Limits>(
  form: Form,
  { field, name, limits }: { field: keyof typeof bounds; name: N; limits: Limits | undefined },
  faults: Partial<Record<Field, string>>,
): Partial<Record<N, number>> {
  const { min, whole } = bounds[field]
  const max = limits?.[name] ?? bounds[field].max
  const value = Number(form[field])
  if (form[field].trim() === '' || !Number.isFinite(value)) faults[field] = 'This is not a number.'
  else if (whole && !Number.isInteger(value)) faults[field] = 'Whole numbers only.'
  else if (value < min || value > max) faults[field] = `From ${min} to ${max.toLocaleString('en')}.`
  else return { [name]: value } as Partial<Record<N, number>>
  return {}
}

const pointers: readonly (readonly [string, Field])[] = [
  ['/resources/cpus', 'cpus'],
  ['/resources/mem_mb', 'memMb'],
  ['/resources/timeout_s', 'timeoutS'],
  ['/resources/disk_mb', 'diskMb'],
  ['/resources/pids', 'pids'],
  ['/network/allow', 'allow'],
  ['/network', 'network'],
  ['/code_archive', 'files'],
  ['/archive', 'files'],
  ['/code', 'code'],
  ['/entrypoint', 'entrypoint'],
  ['/isolation', 'isolation'],
  ['/runtime', 'runtime'],
  ['/args', 'args'],
  ['/env', 'env'],
  ['/stdin', 'stdin'],
  ['/input', 'input'],
]

/** The field that a JSON pointer of the API means, if the form has it. */
export function fieldOf(pointer: string): Field | undefined {
  return pointers.find(([prefix]) => pointer === prefix || pointer.startsWith(`${prefix}/`))?.[1]
}

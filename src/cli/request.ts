/** The flags of `run` as the request that they stand for. */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { networkModes } from '../api/details.ts'
import type { isolations, WorkloadRequest } from '../api/workload.ts'
import { isMissing } from '../base/files.ts'
import { textOf, withoutMark } from '../base/text.ts'
import { UsageError } from './context.ts'

export interface RequestFlags {
  readonly args: readonly string[]
  readonly cpus?: number
  /** MiB. */
  readonly mem?: number
  /** Seconds. */
  readonly timeout?: number
  /** MiB. */
  readonly disk?: number
  readonly pids?: number
  readonly env?: readonly string[]
  readonly envFile?: string
  readonly input?: string
  readonly stdin?: string
  readonly network?: (typeof networkModes)[number]
  readonly allow?: string[]
  readonly label?: readonly string[]
  readonly isolation?: (typeof isolations)[number]
  readonly priority?: number
  readonly idempotencyKey?: string
}

/** Standard input is there once: throws UsageError naming those that would each read it. `source`: what is to be run. */
export function refuseTwoReaders(source: string, o: Pick<RequestFlags, 'envFile' | 'input' | 'stdin'>): void {
  const readers = [
    ...(source === '-' ? ['- (the code)'] : []),
    ...(o.envFile === '-' ? ['--env-file -'] : []),
    ...(o.input === '@-' ? ['--input @-'] : []),
    ...(o.stdin === '-' ? ['--stdin -'] : []),
  ]
  if (readers.length > 1) throw new UsageError(`${readers.join(' and ')}: standard input can be read by one of them`)
}

/** Flags as a request, of which one may read standard input. Throws UsageError naming the flag at fault. */
export async function requestOf(o: RequestFlags, stdin: Readable): Promise<Omit<WorkloadRequest, 'runtime'>> {
  const resources = {
    ...(o.cpus !== undefined && { cpus: o.cpus }),
    ...(o.mem !== undefined && { mem_mb: o.mem }),
    ...(o.timeout !== undefined && { timeout_s: o.timeout }),
    ...(o.disk !== undefined && { disk_mb: o.disk }),
    ...(o.pids !== undefined && { pids: o.pids }),
  }
  const env = { ...(o.envFile === undefined ? {} : await envFile(o.envFile, stdin)), ...pairs('--env', o.env ?? []) }
  const network = {
    ...(o.network !== undefined && { mode: o.network }),
    ...(o.allow && { allow: o.allow }),
  }
  return {
    ...(o.args.length > 0 && { args: [...o.args] }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(Object.keys(network).length > 0 && { network }),
    ...(o.label && { labels: pairs('--label', o.label) }),
    ...(o.isolation !== undefined && { isolation: o.isolation }),
    ...(o.priority !== undefined && { priority: o.priority }),
    ...(o.idempotencyKey !== undefined && { idempotency_key: o.idempotencyKey }),
    ...(o.input !== undefined && { input: await jsonOf(o.input, stdin) }),
    ...(o.stdin !== undefined && { stdin: await contentOf('--stdin', o.stdin, stdin) }),
  }
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

async function envFile(path: string, stdin: Readable): Promise<Record<string, string>> {
  const lines = (await contentOf('--env-file', path, stdin)).split(/\r?\n/).map((line) => line.trim())
  return pairs(
    `--env-file ${path}:`,
    lines.filter((line) => line !== '' && !line.startsWith('#')),
  )
}

async function jsonOf(word: string, stdin: Readable): Promise<unknown> {
  const json = word.startsWith('@') ? await contentOf('--input', word.slice(1), stdin) : word
  try {
    return JSON.parse(withoutMark(json))
  } catch (error) {
    throw new UsageError(`--input ${word}: is not JSON: ${(error as Error).message}`)
  }
}

async function contentOf(flag: string, path: string, stdin: Readable): Promise<string> {
  try {
    return await textOf(path === '-' ? stdin : createReadStream(path))
  } catch (error) {
    throw new UsageError(`${flag} ${path}: ${isMissing(error) ? 'does not exist' : (error as Error).message}`)
  }
}

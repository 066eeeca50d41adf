/** What was asked for, from the text that the store keeps of it. Pure. */
import { confidential, type Confidential, type KeptRequest } from '../api/request.ts'
import type { WorkloadRequest } from '../api/workload.ts'
import type { RunSpec, Source } from '../backend/backend.ts'
import type { Stored } from '../store/rows.ts'

type Row = Pick<Stored, 'isolation' | 'labels' | 'priority'>

export interface Asking {
  /** Whether who asks may read what only its sender should see. */
  readonly whole: boolean
  /** Whether its archive, if it came as one, is there still. */
  readonly archiveKept: boolean
}

export function keptRequestOf(row: Row, spec: RunSpec, { whole, archiveKept }: Asking): KeptRequest {
  const all = requestOf(row, spec)
  const withheld = whole ? [] : confidential.filter((name) => all[name] !== undefined)
  return {
    request: without(all, withheld),
    env_names: Object.keys(spec.env),
    ...(spec.source.kind === 'archive' && { archive: archiveOf(spec.source, archiveKept) }),
    withheld: [...withheld],
  }
}

/** Bytes on the disk of what is kept of a request. */
export const requestBytes = (text: string, source: Source): number =>
  text.length + (source.kind === 'archive' ? source.bytes : 0)

const archiveOf = ({ format, bytes }: Source & { kind: 'archive' }, kept: boolean) => ({ format, bytes, kept })

const without = (request: WorkloadRequest, names: readonly Confidential[]): WorkloadRequest =>
  Object.fromEntries(
    Object.entries(request).filter(([name]) => !names.includes(name as Confidential)),
  ) as WorkloadRequest

function requestOf({ isolation, labels, priority }: Row, spec: RunSpec): WorkloadRequest {
  const { runtime, source, entrypoint, args, env, stdin, input, resources, network } = spec
  return {
    runtime,
    isolation: isolation as WorkloadRequest['isolation'] & string,
    ...(source.kind === 'code' && { code: textOf(source.content) }),
    entrypoint,
    ...(args.length > 0 && { args: [...args] }),
    ...(Object.keys(env).length > 0 && { env: { ...env } }),
    ...(stdin !== undefined && { stdin: textOf(stdin) }),
    ...(input !== undefined && { input: JSON.parse(input) as unknown }),
    resources: {
      cpus: resources.cpus,
      mem_mb: resources.memMib,
      timeout_s: resources.timeoutMs / 1000,
      disk_mb: resources.diskMib,
      pids: resources.pids,
    },
    network: network.allow.length > 0 ? { mode: network.mode, allow: [...network.allow] } : network.mode,
    ...(Object.keys(labels).length > 0 && { labels: { ...labels } }),
    priority,
  }
}

/** It came as text. */
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')

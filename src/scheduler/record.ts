/** From what the store and the backend know of a workload to what the record says. Pure. */
import type { Conversation as ConversationRecord } from '../api/conversation.ts'
import type { ExitRecord, RunRecord, Status, WorkloadRecord, WorkloadSummary } from '../api/workload.ts'
import type { NetworkRecord } from '../api/denial.ts'
import { VulcanError } from '../api/errors.ts'
import type { Firewall } from '../api/firewall.ts'
import type { Exit, RunFacts, Usage } from '../backend/backend.ts'
import type { Conversation } from '../backend/conversation.ts'
import type { Denials } from '../backend/denial.ts'
import type { Stored } from '../store/rows.ts'
import { networkRecordOf } from './denied.ts'
import type { Excerpt } from './excerpt.ts'
import { messageOf } from '../base/words.ts'

/** Of a workload's start and end, beyond the columns of its row: the store keeps it as text. */
export interface Known {
  readonly queueMs?: number | undefined
  readonly run?: RunFacts | undefined
  /** Claimed by an earlier process or another node, where it may have run, noted or not: it never waits again. */
  readonly inherited?: true | undefined
  /** Without its result, which is kept apart. */
  readonly exit?: Omit<Exit, 'result' | 'resultError'> | undefined
}

/** What a program gave, kept apart from what a listing needs. */
export interface Given {
  readonly stdout: string
  readonly stderr: string
  readonly dropped_bytes: { readonly stdout: number; readonly stderr: number }
  /** JSON text. */
  readonly result?: string
  readonly result_error?: string
  /** What its network refused: too long for listings, of a run that tried everything. */
  readonly network?: NetworkRecord
  readonly firewall?: Firewall
  readonly conversation?: ConversationRecord
}

/** A workload with what is known of it now, which for a live one is more than its row. */
export interface Seen extends Known {
  readonly row: Pick<Stored, 'id' | 'runtime' | 'isolation' | 'labels' | 'priority' | 'cpus' | 'memMib' | 'createdAt'>
  readonly status: Status
  readonly startedAt?: number | undefined
  readonly finishedAt?: number | undefined
}

export function seenOf(row: Stored): Seen {
  const known = row.record === undefined ? {} : (JSON.parse(row.record) as Known)
  return { ...known, row, status: row.status, startedAt: row.startedAt, finishedAt: row.finishedAt }
}

/** Why a start failed, for an exit's message. */
export function wordsOf(error: unknown): string {
  const words = messageOf(error)
  if (!(error instanceof VulcanError)) return words
  return `${error.code}: ${words}${error.hint ? ` (${error.hint})` : ''}`
}

/** Of a run whose start an earlier process did not live to note. */
export function unknownRun(backend: string, node: string): RunFacts {
  return { backend, node, vmId: '', start: 'boot', bootMs: 0, phasesMs: {}, vsock: { status: 'lost', rttUs: 0 } }
}

const time = (ms: number): string => new Date(ms).toISOString()

export function summaryOf({ row, status, exit, run, queueMs, startedAt, finishedAt }: Seen): WorkloadSummary {
  return {
    id: row.id,
    status,
    runtime: row.runtime,
    isolation: row.isolation,
    labels: { ...row.labels },
    priority: row.priority,
    resources: { cpus: row.cpus, mem_mb: row.memMib },
    ...(exit && { exit: exitRecordOf(exit) }),
    created_at: time(row.createdAt),
    ...(startedAt !== undefined && { started_at: time(startedAt) }),
    ...(finishedAt !== undefined && { finished_at: time(finishedAt) }),
    ...(run && { run: runRecordOf(run, queueMs, exit?.usage) }),
  }
}

export function recordOf(summary: WorkloadSummary, { result, network, firewall, ...given }: Given): WorkloadRecord {
  const { run } = summary
  return {
    ...summary,
    ...(run && { run: { ...run, ...(network && { network }), ...(firewall && { firewall }) } }),
    ...given,
    ...(result !== undefined && { result: JSON.parse(result) as unknown }),
  }
}

export const nothingGiven: Given = { stdout: '', stderr: '', dropped_bytes: { stdout: 0, stderr: 0 } }

/** What a run has come to, for what it gave. */
export interface Gathered {
  readonly excerpts: Readonly<Record<'stdout' | 'stderr', Excerpt>>
  readonly exit?: Exit
  readonly denials?: Denials | undefined
  readonly firewall?: Firewall | undefined
  /** Absent where there is no run. */
  readonly conversation?: Conversation | undefined
}

export function givenOf({ excerpts, exit, denials, firewall, conversation }: Gathered): Given {
  const { stdout, stderr } = excerpts
  return {
    stdout: stdout.text(),
    stderr: stderr.text(),
    dropped_bytes: { stdout: stdout.droppedBytes, stderr: stderr.droppedBytes },
    ...(exit?.result !== undefined && { result: exit.result }),
    ...(exit?.resultError !== undefined && { result_error: exit.resultError }),
    ...(denials && { network: networkRecordOf(denials) }),
    ...(firewall && { firewall }),
    ...(conversation && conversation.count > 0 && { conversation: conversationOf(conversation) }),
  }
}

const conversationOf = ({ count, bytes, frames }: Conversation): ConversationRecord => ({
  ...{ count, bytes },
  frames: frames.map(({ atMs, ...frame }) => ({ ...frame, at_ms: Math.round(atMs * 1000) / 1000 })),
})

export function exitRecordOf({ by, code, signal, message, step }: Omit<Exit, 'result' | 'resultError'>): ExitRecord {
  return {
    by,
    ...(code !== undefined && { code }),
    ...(signal !== undefined && { signal }),
    ...(message !== undefined && { message }),
    ...(step !== undefined && { step }),
  }
}

function runRecordOf(run: RunFacts, queueMs: number | undefined, usage: Usage | undefined): RunRecord {
  const phases = { ...(queueMs !== undefined && { queue: queueMs }), ...run.phasesMs }
  // The backend's clock begins where the queue ends.
  const begun = Object.entries(run.phasesAtMs ?? {}).map(([name, ms]) => [name, (queueMs ?? 0) + ms] as const)
  return {
    backend: run.backend,
    node: run.node,
    vm_id: run.vmId,
    start: run.start,
    boot_ms: Math.round(run.bootMs),
    phases_ms: tenths(Object.entries(phases)),
    ...(run.phasesAtMs && { phases_at_ms: { ...(queueMs !== undefined && { queue: 0 }), ...tenths(begun) } }),
    vsock: { status: run.vsock.status, rtt_us: Math.round(run.vsock.rttUs) },
    ...(run.details && { details: run.details }),
    ...(usage && {
      usage: {
        cpu_ms: Math.round(usage.cpuMs),
        peak_mem_mb: Math.round(usage.peakMemMib * 10) / 10,
        throttled_ms: Math.round(usage.throttledMs),
        disk_written_bytes: usage.diskWrittenBytes,
        net_rx_bytes: usage.netRxBytes,
        net_tx_bytes: usage.netTxBytes,
      },
    }),
  }
}

/** Milliseconds with one decimal. */
const tenths = (named: readonly (readonly [string, number])[]): Record<string, number> =>
  Object.fromEntries(named.map(([name, ms]) => [name, Math.round(ms * 10) / 10]))

export const missing = (id: string): VulcanError => new VulcanError('not_found', `there is no workload ${id}`)

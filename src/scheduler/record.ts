/** From what the scheduler and the backend know of a run to what the record says. Pure. */
import type { ExitRecord, RunRecord, Status, WorkloadRecord, WorkloadSummary } from '../api/workload.ts'
import type { Exit, RunFacts, Usage } from '../backend/backend.ts'
import type { Excerpt } from './excerpt.ts'

/** What is known of a workload before and after its run; times are milliseconds of the epoch. */
export interface Known {
  readonly id: string
  readonly status: Status
  readonly runtime: string
  readonly isolation: string
  readonly labels: Readonly<Record<string, string>>
  readonly priority: number
  readonly createdAt: number
  readonly startedAt?: number | undefined
  readonly finishedAt?: number | undefined
  readonly queueMs?: number | undefined
  readonly exit?: Exit | undefined
  readonly run?: RunFacts | undefined
}

const time = (ms: number): string => new Date(ms).toISOString()

export function summaryOf(known: Known): WorkloadSummary {
  return {
    id: known.id,
    status: known.status,
    runtime: known.runtime,
    isolation: known.isolation,
    labels: { ...known.labels },
    priority: known.priority,
    ...(known.exit && { exit: exitRecordOf(known.exit) }),
    created_at: time(known.createdAt),
    ...(known.startedAt !== undefined && { started_at: time(known.startedAt) }),
    ...(known.finishedAt !== undefined && { finished_at: time(known.finishedAt) }),
    ...(known.run && { run: runRecordOf(known.run, known.queueMs, known.exit?.usage) }),
  }
}

export function recordOf(known: Known, excerpts: Readonly<Record<'stdout' | 'stderr', Excerpt>>): WorkloadRecord {
  const { result, resultError } = known.exit ?? {}
  return {
    ...summaryOf(known),
    stdout: excerpts.stdout.text(),
    stderr: excerpts.stderr.text(),
    dropped_bytes: { stdout: excerpts.stdout.droppedBytes, stderr: excerpts.stderr.droppedBytes },
    ...(result !== undefined && { result: JSON.parse(result) as unknown }),
    ...(resultError !== undefined && { result_error: resultError }),
  }
}

export function exitRecordOf({ by, code, signal, message, step }: Exit): ExitRecord {
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

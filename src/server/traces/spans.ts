/** From a workload's summary to its spans: one for the workload, one for each phase, in the record's own figures. Pure. */
import type { RunRecord, WorkloadSummary } from '../../api/workload.ts'

export interface SpanShape {
  readonly name: string
  /** Milliseconds of the epoch. */
  readonly begunAt: number
  readonly endedAt: number
  readonly attributes: Readonly<Record<string, string | number>>
  /** Why it counts as failed, if it does. */
  readonly failure?: string
  readonly children: readonly SpanShape[]
}

/** Phases that are parts of another. */
const within: Readonly<Record<string, string>> = {
  network: 'vm',
  jail: 'vm',
  jailer: 'vm',
  configure: 'vm',
  boot: 'vm',
}

/** The spans of a workload that has ended. */
export function spansOf(summary: WorkloadSummary): SpanShape {
  const begunAt = Date.parse(summary.created_at)
  const { exit, status } = summary
  return {
    name: `run ${summary.runtime}`,
    begunAt,
    endedAt: Math.max(begunAt, Date.parse(summary.finished_at ?? summary.created_at)),
    attributes: attributesOf(summary),
    ...(status === 'failed' && { failure: exit?.message ?? failureOf(exit) }),
    children: summary.run ? phasesOf(summary.run, begunAt) : [],
  }
}

function failureOf(exit: WorkloadSummary['exit']): string {
  return `${exit?.by ?? 'unknown'}: ${exit?.signal ?? exit?.code ?? 'no status'}`
}

function phasesOf(run: RunRecord, createdAt: number): SpanShape[] {
  const names = Object.keys(run.phases_ms)
  let before = createdAt
  const beginnings = new Map<string, number>()
  for (const name of names) {
    // Without a recorded beginning, a phase begins where the one before it ended.
    const at = run.phases_at_ms?.[name]
    const begun = at === undefined ? before : createdAt + at
    beginnings.set(name, begun)
    before = begun + (run.phases_ms[name] ?? 0)
  }
  const spanOf = (name: string): SpanShape => {
    const begunAt = beginnings.get(name) ?? createdAt
    const parts = names.filter((other) => within[other] === name)
    return {
      name,
      begunAt,
      endedAt: begunAt + (run.phases_ms[name] ?? 0),
      attributes: {},
      children: parts.map(spanOf),
    }
  }
  return names.filter((name) => !names.includes(within[name] ?? '')).map(spanOf)
}

function attributesOf({ id, runtime, status, exit, run }: WorkloadSummary): Record<string, string | number> {
  const known: Record<string, string | number | undefined> = {
    'vulcan.workload.id': id,
    'vulcan.workload.runtime': runtime,
    'vulcan.workload.status': status,
    'vulcan.exit.by': exit?.by,
    'vulcan.exit.code': exit?.code,
    'vulcan.exit.signal': exit?.signal,
    'vulcan.exit.step': exit?.step,
    'vulcan.backend': run?.backend,
    'vulcan.node': run?.node,
    'vulcan.vm.id': run?.vm_id,
    'vulcan.vm.start': run?.start,
    'vulcan.vm.boot_ms': run?.boot_ms,
    'vulcan.vsock.rtt_us': run?.vsock.rtt_us,
    'vulcan.usage.cpu_ms': run?.usage?.cpu_ms,
    'vulcan.usage.peak_mem_mb': run?.usage?.peak_mem_mb,
  }
  const given = Object.entries(known).filter((entry): entry is [string, string | number] => entry[1] !== undefined)
  return Object.fromEntries(given)
}

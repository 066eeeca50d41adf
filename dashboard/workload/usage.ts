/** How much of what it had a run has used. Pure. */
import type { WorkloadRecord } from '../../src/api/workload.ts'

/**
 * Processor time as a share of what its cores had to give meanwhile; 0 where that is not known. A build is charged with the
 * program, so that both times count.
 */
export function processorShare({ run, resources }: Pick<WorkloadRecord, 'run' | 'resources'>): number {
  const { build = 0, program = 0 } = run?.phases_ms ?? {}
  const givenMs = (build + program) * (resources?.cpus ?? Infinity)
  return givenMs > 0 ? (run?.usage?.cpu_ms ?? 0) / givenMs : 0
}

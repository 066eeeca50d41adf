/** A workload of the store as its readers see it: one that waits has a place. */
import type { WorkloadSummary } from '../api/workload.ts'
import type { Stored } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { seenOf, summaryOf } from './record.ts'

export async function placedSummary(store: Store, row: Stored): Promise<WorkloadSummary> {
  const summary = summaryOf(seenOf(row))
  if (row.status !== 'pending' || row.node !== undefined) return summary
  return { ...summary, place: (await store.countBefore(row)) + 1 }
}

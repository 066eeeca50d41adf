/** The log of a workload that has ended: its file, and what the store's row says came before the file and after it. */
import type { Stored } from '../store/rows.ts'
import { EventLog } from './eventlog.ts'
import { earlyEvents, endEvent } from './events.ts'
import { seenOf, summaryOf } from './record.ts'
import type { Shelf } from './shelf.ts'

export function endedLog(shelf: Shelf, row: Stored): Promise<EventLog> {
  const seen = seenOf(row)
  const summary = summaryOf(seen)
  // Readers of whoever had it before may have been told that it runs.
  const early = earlyEvents(row.startedAt !== undefined || seen.inherited === true || summary.exit?.by === 'vm_lost')
  return EventLog.ended(shelf.logPath(row.id), { early, last: endEvent(summary) })
}

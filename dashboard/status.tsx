/** The status of a workload as a badge. */
import type { Status } from '../src/api/workload.ts'

export function StatusBadge({ status }: { status: Status }) {
  return (
    <span className="status" data-status={status}>
      {status}
    </span>
  )
}

/** Whether a node has room for one more. Pure. */
import type { Capacity } from '../store/leases.ts'

export interface Taken {
  readonly cpus: number
  readonly memMib: number
  readonly starting: boolean
}

/** As a claim sees it: so many vms, so many that start, cores and memory; one that is larger than the node runs alone. */
export function hasRoom(capacity: Capacity, taken: readonly Taken[], one: Omit<Taken, 'starting'>): boolean {
  if (taken.length >= capacity.vms || taken.filter(({ starting }) => starting).length >= capacity.starting) return false
  if (taken.length === 0) return true
  const cpus = taken.reduce((sum, each) => sum + each.cpus, one.cpus)
  const memMib = taken.reduce(
    (sum, each) => sum + each.memMib + capacity.overheadMib,
    one.memMib + capacity.overheadMib,
  )
  return cpus <= capacity.cpus && memMib <= capacity.memMib
}

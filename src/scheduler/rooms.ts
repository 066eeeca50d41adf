/** Whether a node has room for one more. Pure. */
import type { Capacity } from '../store/leases.ts'

export interface Taken {
  readonly cpus: number
  readonly memMib: number
  readonly diskMib: number
  readonly starting: boolean
}

/** As a claim sees it: so many vms, so many that start, cores, memory and disk; one that is larger than the node runs alone. */
export function hasRoom(capacity: Capacity, taken: readonly Taken[], one: Omit<Taken, 'starting'>): boolean {
  if (taken.length >= capacity.vms || taken.filter(({ starting }) => starting).length >= capacity.starting) return false
  if (taken.length === 0) return true
  const all = [...taken, one]
  const sum = (of: (each: Omit<Taken, 'starting'>) => number) => all.reduce((total, each) => total + of(each), 0)
  const memMib = sum((each) => each.memMib + capacity.overheadMib)
  const diskMib = sum((each) => each.diskMib)
  return sum(({ cpus }) => cpus) <= capacity.cpus && memMib <= capacity.memMib && diskMib <= capacity.diskMib
}

/** For tests: workloads, and a node that has room for many. */
import { orderedId } from '../base/id.ts'
import type { Capacity } from './leases.ts'
import type { NewWorkload } from './workloads.ts'

/** One as it is handed in: nothing of it matters but what is given. */
export function testWorkload(more: Partial<NewWorkload> = {}): NewWorkload {
  return {
    id: orderedId(),
    tenant: 't',
    runtime: 'python',
    isolation: 'microvm',
    priority: 0,
    cpus: 1,
    memMib: 64,
    diskMib: 16,
    createdAt: 1,
    labels: {},
    spec: '{}',
    ...more,
  }
}

export const roomy: Capacity = { vms: 8, starting: 8, cpus: 8, memMib: 4096, diskMib: 1 << 20, overheadMib: 96 }

/** The queue as it must be, in plain data: what tests hold the statements of claims, leases and ends to. */
import type { Load } from './leases.ts'
import type { Stored } from './rows.ts'

export const leaseMs = 30_000

/** How many each tenant may run at once. */
export const limits: Readonly<Record<string, number>> = { free: Infinity, one: 1, two: 2 }

const ample = { vms: 9, starting: 9, cpus: 9, memMib: 9999, diskMib: 9999, overheadMib: 200 }

/** Each is short of one thing, so that each bound is the first to be met somewhere. */
export const nodes = {
  few: { capacity: { ...ample, vms: 2 }, runtimes: ['python', 'go'] },
  slow: { capacity: { ...ample, starting: 1 }, runtimes: ['python'] },
  narrow: { capacity: { ...ample, cpus: 2 }, runtimes: ['python', 'go'] },
  full: { capacity: { ...ample, diskMib: 500 }, runtimes: ['python'] },
  low: { capacity: { ...ample, memMib: 700 }, runtimes: ['python'] },
} as const
export type Node = keyof typeof nodes

export interface Wanted {
  readonly tenant: string
  readonly runtime: string
  readonly priority: number
  readonly cpus: number
  readonly memMib: number
  readonly diskMib: number
}

export interface Lease {
  readonly node: Node
  readonly fence: number
  readonly until: number
}

/** What must be true of a workload. */
export interface Expected extends Wanted {
  readonly id: string
  /** The one that has it; nobody while it waits. */
  owner: Lease | undefined
  /** Every one that was given out for it, oldest first. */
  readonly fences: number[]
  startedAt: number | undefined
  ended: boolean
}

export class Queue {
  now = 1_000_000
  readonly all: Expected[] = []

  get waiting(): Expected[] {
    return this.all.filter(({ ended, owner }) => !ended && !owner)
  }

  of(id: string): Expected {
    return this.all.find((one) => one.id === id)!
  }

  /** What a node has, earliest first. */
  on(node: Node): Expected[] {
    return this.all.filter(({ ended, owner }) => !ended && owner?.node === node)
  }

  /** What was not heard of in time. */
  get late(): Expected[] {
    return this.all.filter(({ ended, owner }) => !ended && owner && owner.until < this.now)
  }

  load(node: Node): Load {
    const own = this.on(node)
    const sum = (of: (one: Expected) => number) => own.reduce((total, one) => total + of(one), 0)
    return {
      vms: own.length,
      starting: own.filter(({ startedAt }) => startedAt === undefined).length,
      cpus: sum(({ cpus }) => cpus),
      diskMib: sum(({ diskMib }) => diskMib),
      memMib: sum(({ memMib }) => memMib + nodes[node].capacity.overheadMib),
    }
  }

  /** Whether the node has room for it: beside others within all bounds, or alone. */
  fits(node: Node, one: Wanted): boolean {
    const { capacity } = nodes[node]
    const used = this.load(node)
    if (used.vms >= capacity.vms || used.starting >= capacity.starting) return false
    const memMib = used.memMib + one.memMib + capacity.overheadMib
    const beside = used.cpus + one.cpus <= capacity.cpus && used.diskMib + one.diskMib <= capacity.diskMib
    return used.vms === 0 || (beside && memMib <= capacity.memMib)
  }

  /** What a node's claim takes: the highest priority, then the tenant with least running, then the earliest; that or nothing. */
  next(node: Node): Expected | undefined {
    const running = (tenant: string) =>
      this.all.filter((one) => one.tenant === tenant && one.owner && !one.ended).length
    const may = this.waiting.filter(
      ({ tenant, runtime }) => running(tenant) < limits[tenant]! && isOf(nodes[node].runtimes, runtime),
    )
    // Stable: those of one rank stay in the order of arrival.
    const [first] = may.sort((a, b) => b.priority - a.priority || running(a.tenant) - running(b.tenant))
    return first && this.fits(node, first) ? first : undefined
  }
}

/** What a store has to say of it. */
export function shownOf({ owner, startedAt, ended }: Expected): Pick<Stored, 'status' | 'startedAt' | 'node'> {
  const open = startedAt === undefined ? 'pending' : 'running'
  // Moves end by `completed` what has an owner, by `killed` what has none.
  return { status: ended ? (owner ? 'completed' : 'killed') : open, startedAt, node: owner?.node }
}

export const isOf = (all: readonly string[], one: string): boolean => all.includes(one)

/** What runs next: pure functions over the queue and what is free. */

export interface Capacity {
  readonly vms: number
  readonly memMib: number
}

export interface Waiting {
  readonly id: string
  readonly priority: number
  readonly memMib: number
}

/** MiB a vm takes on top of its program: guest kernel, agent, page cache floor and the VMM itself. */
export const overheadMib = 96

/** Puts a workload behind all of its priority or a higher one. */
export function enqueue<T extends Waiting>(queue: readonly T[], item: T): T[] {
  const at = queue.findIndex((other) => other.priority < item.priority)
  return at < 0 ? [...queue, item] : queue.toSpliced(at, 0, item)
}

/**
 * The workload that starts now, if any. Only the head is looked at: letting small ones pass would starve a large one.
 * A vm that alone is larger than the capacity starts when nothing else runs.
 */
export function next<T extends Waiting>(queue: readonly T[], used: Capacity, capacity: Capacity): T | undefined {
  const head = queue[0]
  if (!head || used.vms >= capacity.vms) return undefined
  const fits = used.memMib + head.memMib + overheadMib <= capacity.memMib
  return fits || used.vms === 0 ? head : undefined
}

export interface Kept {
  readonly id: string
  readonly bytes: number
}

/** Ids to forget, oldest first, so that what stays is within both bounds. `ended` is sorted oldest first. */
export function outdated(ended: readonly Kept[], bounds: { count: number; bytes: number }): string[] {
  let bytes = ended.reduce((sum, kept) => sum + kept.bytes, 0)
  let count = ended.length
  const gone: string[] = []
  for (const kept of ended) {
    if (count <= bounds.count && bytes <= bounds.bytes) break
    gone.push(kept.id)
    count -= 1
    bytes -= kept.bytes
  }
  return gone
}

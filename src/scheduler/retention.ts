/** What is kept of the past, and for how long. */
import type { Store } from '../store/store.ts'
import type { Shelf } from './shelf.ts'

export interface Retention {
  /** Ended workloads that are kept. */
  readonly count: number
  /** Of their output, in bytes. */
  readonly bytes: number
  /** Since they ended, in milliseconds. */
  readonly ageMs: number
  /** Whether what was asked for is kept as long as its record. */
  readonly requests: boolean
}

/** How long an idempotency key means the same workload, also where that is forgotten, in milliseconds; and how many do. */
const keysKeptMs = 24 * 3600 * 1000
const keysKept = 200_000
/** Removed in one go, which takes milliseconds in which nobody else has a turn. */
const atOnce = 50

/** How many ended workloads are beyond any bound. */
export async function countOutdated(store: Store, o: Retention): Promise<number> {
  const last = await newestOutdated(store, o)
  return last ? store.countUpTo(last) : 0
}

/** Forgets them, those that ended first before the others; gives back how many those were. */
export async function forgetOutdated(store: Store, shelf: Shelf, o: Retention): Promise<number> {
  await store.forgetSpent(Date.now())
  const keysFrom = Math.max(Date.now() - keysKeptMs, (await store.ageOfKey(keysKept)) ?? 0)
  while ((await store.freeKeys(keysFrom, atOnce)) === atOnce);
  const last = await newestOutdated(store, o)
  if (!last) return 0
  for (let forgotten = 0; ;) {
    const ids = await store.oldest(last, atOnce)
    forgotten += ids.length
    if (ids.length === 0) return forgotten
    // The row goes first: a folder without one is found at the next start, a row without a folder would promise output.
    await store.remove(ids)
    await Promise.all(ids.map((id) => shelf.remove(id)))
    if (ids.length < atOnce) return forgotten
  }
}

const newestOutdated = (store: Store, { count, bytes, ageMs }: Retention) =>
  store.newestOutdated({ count, bytes, endedAfter: Date.now() - ageMs })

/** Removes folders of workloads that the store does not know: a crash came between the two. */
export async function removeOrphans(store: Store, shelf: Shelf): Promise<void> {
  const ids = await shelf.ids()
  for (let at = 0; at < ids.length; at += atOnce) {
    const some = ids.slice(at, at + atOnce)
    const known = await store.known(some)
    await Promise.all(some.filter((id) => !known.has(id)).map((id) => shelf.remove(id)))
  }
}

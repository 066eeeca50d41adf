/** The claim: what is next becomes a node's, in one statement, as far as the node has room. */
import { sql, type RawBuilder, type Selectable } from 'kysely'
import type { Trx } from './commits.ts'
import { loadOf, type Capacity } from './leases.ts'
import { nextOf, onlyOf } from './next.ts'
import { prepared } from './prepared.ts'
import { claimedOf, type Claimed } from './rows.ts'
import type { WorkloadTable } from './schema.ts'

export interface Claim {
  readonly node: string
  readonly now: number
  readonly leaseMs: number
  /** Read when the claim is made, anew for each workload. */
  readonly capacity: Capacity
  /** Runtimes whose images are there. */
  readonly runtimes: readonly string[]
  /** How many are claimed at most. */
  readonly most: number
}

/** Claims until nothing more fits or `most` are claimed. */
export async function claim(trx: Trx, o: Claim): Promise<Claimed[]> {
  const all: Claimed[] = []
  while (o.runtimes.length > 0 && all.length < o.most) {
    const { rows } = await waiting(trx, {})
    // Most often nothing waits, and this is the cheapest to say so.
    const claimed = rows.length > 0 ? await claimNext(trx, { ...o, alone: rows.length === 1 }) : undefined
    if (!claimed) break
    all.push(claimed)
    if (rows.length === 1) break
  }
  return all
}

/**
 * Claims what is next, where the node has room for it: highest priority, then the tenant that has least running, then the
 * earliest. A tenant that runs as many as its key may is passed over: it holds up nobody but itself. Of the others only what
 * is next is looked at: letting smaller ones pass would starve a large one. One that is larger than the whole node runs alone.
 */
async function claimNext(trx: Trx, o: Claim & { readonly alone: boolean }): Promise<Claimed | undefined> {
  const { node, capacity } = o
  const used = await loadOf(trx, { node, overheadMib: capacity.overheadMib })
  if (used.vms >= capacity.vms || used.starting >= capacity.starting) return undefined
  const room =
    used.vms === 0
      ? { cpus: Number.MAX_SAFE_INTEGER, memMib: Number.MAX_SAFE_INTEGER }
      : { cpus: capacity.cpus - used.cpus, memMib: capacity.memMib - used.memMib - capacity.overheadMib }
  const runtimes = Object.fromEntries(o.runtimes.map((name, i) => [`runtime${i}`, name]))
  const values = { node, until: o.now + o.leaseMs, ...room, ...runtimes }
  const { claimFirst, claimOnly } = (claimings[o.runtimes.length] ??= claimingsAmong(o.runtimes.length))
  const only = o.alone ? (await claimOnly(trx, values)).rows : []
  const [row] = only.length > 0 ? only : (await claimFirst(trx, values)).rows
  return row && claimedOf(row)
}

/** One or two of those that wait. */
const waiting = prepared<object, { id: string }>((db) =>
  db
    .selectFrom('workloads')
    .select('id')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is', null)
    // Written out: where a limit is a value, SQLite makes its plan anew.
    .limit(sql<number>`2`),
)

interface Claiming {
  readonly node: string
  readonly until: number
  readonly cpus: number
  readonly memMib: number
  readonly [runtime: `runtime${number}`]: string
}

/** By how many runtimes there are. */
const claimings: ReturnType<typeof claimingsAmong>[] = []

function claimingsAmong(count: number) {
  const claimOf = (which: (runtimes: readonly RawBuilder<string>[]) => RawBuilder<string>) =>
    prepared<Claiming, Selectable<WorkloadTable>>((db, given) =>
      db
        .updateTable('workloads')
        .set({ lease_node: given('node'), lease_until: given('until'), fence: sql`fence + 1` })
        .where('id', '=', which(Array.from({ length: count }, (_, i) => given(`runtime${i}`))))
        .where('lease_node', 'is', null)
        .where('cpus', '<=', given('cpus'))
        .where('mem_mib', '<=', given('memMib'))
        .returningAll(),
    )
  return { claimFirst: claimOf(nextOf), claimOnly: claimOf(onlyOf) }
}

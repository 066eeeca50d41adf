/** The claim: what is next becomes a node's, in one statement, as far as the node has room. */
import { sql, type Selectable } from 'kysely'
import type { Trx } from './commits.ts'
import { loadColumns, type Capacity } from './leases.ts'
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

export interface Claims {
  readonly claimed: readonly Claimed[]
  /** Whether others may wait still, for room or for another claim. */
  readonly left: boolean
}

/** Claims until nothing more fits or `most` are claimed. */
export async function claim(trx: Trx, o: Claim): Promise<Claims> {
  const claimed: Claimed[] = []
  if (o.runtimes.length === 0) return { claimed, left: true }
  const { claimOnly, claimFirst } = (claimings[o.runtimes.length] ??= claimingsAmong(o.runtimes.length))
  while (claimed.length < o.most) {
    const values = valuesOf(o)
    // Most often one waits, which came just now.
    const [only] = (await claimOnly(trx, values)).rows
    if (only) return { claimed: [...claimed, claimedOf(only)], left: false }
    if ((await waiting(trx, {})).rows.length === 0) return { claimed, left: false }
    const [first] = (await claimFirst(trx, values)).rows
    if (!first) break
    claimed.push(claimedOf(first))
  }
  return { claimed, left: true }
}

interface Claiming extends Capacity {
  readonly node: string
  readonly until: number
  readonly [runtime: `runtime${number}`]: string
}

function valuesOf({ node, now, leaseMs, capacity, runtimes }: Claim): Claiming {
  const values: Record<`runtime${number}`, string> = {}
  for (const [i, name] of runtimes.entries()) values[`runtime${i}`] = name
  return Object.assign(values, capacity, { node, until: now + leaseMs })
}

const waiting = prepared<object, { id: string }>((db) =>
  db
    .selectFrom('workloads')
    .select('id')
    .where('finished_at', 'is', null)
    .where('lease_node', 'is', null)
    // Written out: where a limit is a value, SQLite makes its plan anew.
    .limit(sql<number>`1`),
)

/** By how many runtimes there are. */
const claimings: ReturnType<typeof claimingsAmong>[] = []

/**
 * Claims what is next, where the node has room for it: highest priority, then the tenant that has least running, then the
 * earliest. A tenant that runs as many as its key may is passed over: it holds up nobody but itself. Of the others only what
 * is next is looked at: letting smaller ones pass would starve a large one. One that is larger than the whole node runs alone.
 */
function claimingsAmong(count: number) {
  const claimOf = (which: typeof nextOf) =>
    prepared<Claiming, Selectable<WorkloadTable>>((db, given) => {
      const { vms, starting, cpus, mem, disk } = loadColumns
      const fits = sql<boolean>`exists (
        select 1 from (
          select ${vms} as vms, ${starting} as starting, ${cpus} as cpus, ${mem} as mem, ${disk} as disk
          from workloads where lease_node = ${given('node')} and finished_at is null
        ) as used
        where used.vms < ${given('vms')} and used.starting < ${given('starting')} and (
          used.vms = 0 or (
            used.cpus + workloads.cpus <= ${given('cpus')}
            and used.disk + workloads.disk_mib <= ${given('diskMib')}
            and used.mem + workloads.mem_mib + (used.vms + 1) * ${given('overheadMib')} <= ${given('memMib')}
          )
        )
      )`
      return (
        db
          .updateTable('workloads')
          .set({ lease_node: given('node'), lease_until: given('until'), fence: sql`fence + 1` })
          .where(
            'id',
            '=',
            which(
              Array.from({ length: count }, (_, i) => given(`runtime${i}`)),
              db,
            ),
          )
          // For PostgreSQL, where another claim may take it meanwhile: it looks at a row again, not at what led to it.
          .where('lease_node', 'is', null)
          .where(fits)
          .returningAll()
      )
    })
  return { claimFirst: claimOf(nextOf), claimOnly: claimOf(onlyOf) }
}

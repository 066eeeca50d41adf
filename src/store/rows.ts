/** Rows as the rest of the program sees them. */
import type { Selectable } from 'kysely'
import type { Status } from '../api/workload.ts'
import type { WorkloadTable } from './schema.ts'

/** A workload as it is kept. Times are milliseconds of the epoch. */
export interface Stored {
  readonly id: string
  readonly tenant: string
  readonly status: Status
  readonly runtime: string
  readonly isolation: string
  readonly priority: number
  readonly cpus: number
  readonly memMib: number
  readonly diskMib: number
  readonly createdAt: number
  readonly startedAt: number | undefined
  readonly finishedAt: number | undefined
  readonly labels: Readonly<Record<string, string>>
  /** As the scheduler wrote it with `started`, `finish` or `cancel`. */
  readonly record: string | undefined
  /** Node that has claimed it. */
  readonly node: string | undefined
}

/** A workload that whoever holds this owns, as long as nobody has a newer fence. */
export interface Claimed extends Stored {
  /** As the scheduler wrote it when it was accepted. */
  readonly spec: string
  readonly fence: number
}

/** Columns of a listing; a workload's spec may be large. */
export const storedColumns = [
  'id',
  'tenant',
  'status',
  'runtime',
  'isolation',
  'priority',
  'cpus',
  'mem_mib',
  'disk_mib',
  'created_at',
  'started_at',
  'finished_at',
  'labels',
  'record',
  'lease_node',
] as const satisfies readonly (keyof WorkloadTable)[]

type Row = Selectable<WorkloadTable>

export function storedOf(row: Pick<Row, (typeof storedColumns)[number]>): Stored {
  return {
    id: row.id,
    tenant: row.tenant,
    status: row.status,
    runtime: row.runtime,
    isolation: row.isolation,
    priority: row.priority,
    cpus: row.cpus,
    memMib: row.mem_mib,
    diskMib: row.disk_mib,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    labels: JSON.parse(row.labels) as Record<string, string>,
    record: row.record ?? undefined,
    node: row.lease_node ?? undefined,
  }
}

export function claimedOf(row: Row): Claimed {
  return { ...storedOf(row), spec: row.spec ?? '', fence: row.fence }
}

/** The tables. Times are milliseconds of the epoch, booleans are 0 and 1, JSON is text: the same in SQLite and PostgreSQL. */
import type { Generated } from 'kysely'
import type { Status } from '../api/workload.ts'

/** What a user asked for, and its one attempt: the lease columns are empty until a node has claimed it. */
export interface WorkloadTable {
  /** UUIDv7, so that order by id is order by arrival. */
  id: string
  /** Whose it is: a key's id. */
  tenant: string
  status: Status
  runtime: string
  isolation: string
  priority: number
  cpus: number
  mem_mib: number
  disk_mib: number
  created_at: number
  started_at: number | null
  finished_at: number | null
  /** JSON object of strings. */
  labels: string
  /** What a backend needs to run it, as the scheduler wrote it; null once it has ended. */
  spec: string | null
  /** What the API says of it beyond these columns, as the scheduler wrote it. */
  record: string | null
  /** Kept of it on disk, in bytes; known at its end. */
  bytes: Generated<number>
  /** Node that claimed it. */
  lease_node: string | null
  lease_until: number | null
  /** Grows with each owner, and when one gives it back; a write with an older one is refused. 0: never claimed. */
  fence: Generated<number>
}

export interface LabelTable {
  workload: string
  name: string
  value: string
}

/** Keys by which a caller may send the same request twice. */
export interface IdempotencyTable {
  tenant: string
  key: string
  /** Sha256 of the request. */
  body: string
  workload: string
  created_at: number
}

/** What is kept of what has ended: apart, so that a listing does not read it. */
export interface GivenTable {
  workload: string
  /** What its program gave, as the scheduler wrote it. */
  given: string
  /** What was asked for: the spec that its row had until the end; null where that is not kept. */
  request: string | null
}

/** Who may speak to the server, beside the key that lies in its home. */
export interface KeyTable {
  id: string
  name: string
  /** Sha256 of its text, in hex. */
  hash: string
  /** JSON array of strings. */
  scopes: string
  created_at: number
  last_used_at: number | null
  expires_at: number | null
  revoked_at: number | null
  /** Quotas; null where there is none. */
  running: number | null
  queued: number | null
  /** In a day. */
  cpu_seconds: number | null
}

/** What a key's ended workloads took of the processors in one day. */
export interface SpentTable {
  tenant: string
  /** Of UTC, as 2030-12-31. */
  day: string
  cpu_ms: number
}

export interface Schema {
  workloads: WorkloadTable
  labels: LabelTable
  given: GivenTable
  idempotency: IdempotencyTable
  api_keys: KeyTable
  spent: SpentTable
}

/** What a scheduler is made of, and what it states. */
import type { KeyQuotas } from '../api/keys.ts'
import type { WorkloadSummary } from '../api/workload.ts'
import type { Backend, Leftover } from '../backend/backend.ts'
import type { Capacity } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import type { Limits } from './admission.ts'
import type { Retention } from './retention.ts'
import type { Upload } from './source.ts'

export interface SchedulerOptions {
  readonly home: string
  readonly node: string
  readonly store: Store
  readonly backend: Backend
  readonly limits: Limits
  readonly capacity: Capacity
  /** Most workloads that wait. */
  readonly pending: number
  readonly retention: Retention
}

/** Whose a workload is that is handed in. */
export interface Handing {
  /** Of the key. */
  readonly id: string
  /** Undefined where the store has to be asked for them. */
  readonly quotas?: KeyQuotas
}

/** What comes with a request that is handed in. */
export interface HandedWith {
  readonly upload?: Upload | undefined
  /** Undefined for who is not asked for a key. */
  readonly by?: Handing
  /** W3C Trace Context of a caller who traces. */
  readonly traceparent?: string | undefined
}

export interface SchedulerFacts {
  /** Of one workload these come in this order. */
  readonly 'workload.accepted': { id: string; summary: WorkloadSummary; traceparent?: string | undefined }
  readonly 'workload.started': { id: string; summary: WorkloadSummary }
  readonly 'workload.ended': { id: string; summary: WorkloadSummary }
  /** Something of ours went wrong beside the run. */
  readonly 'workload.trouble': { id: string; error: unknown }
  /** What had no owner was looked for; of what was found, that which has no trouble is gone. */
  readonly 'leftovers.swept': { found: readonly Leftover[] }
}

/** What the server states about the requests it answers; metrics, traces and the audit log subscribe. */
import type { ErrorCode } from '../api/errors.ts'

/** Why a request was refused before it came to its route. `throttled`: too many before it had no valid key. */
export const refusals = ['missing', 'unknown', 'revoked', 'expired', 'scope', 'origin', 'throttled'] as const
export type Refusal = (typeof refusals)[number]

/** A call that changes something, or would have. */
export interface Call {
  /** Milliseconds of the epoch. */
  readonly at: number
  /** Its id, as the answer's X-Request-Id says it. */
  readonly request: string
  /** The caller's key; absent where the call carried no valid one. */
  readonly key?: { readonly id: string; readonly name: string }
  readonly address: string
  readonly method: string
  /** Its pattern; `unmatched` where there is none. */
  readonly route: string
  /** The workload or the key that it made or was about. */
  readonly subject?: string
  /** Absent where the client went away before it was answered. */
  readonly status?: number
  readonly code?: ErrorCode
}

export interface ServerFacts {
  /** A request was answered. `route` is its pattern, `unmatched` where there is none; `ms` from its head to its last byte. */
  readonly 'request.answered': { method: string; route: string; status: number; ms: number }
  /** A request was refused before it came to its route. */
  readonly 'access.refused': { reason: Refusal }
  /** A call that changes something was answered; one that hands a workload in, already when that was taken in. */
  readonly 'call.made': Call
  /** A client began to follow a log. */
  readonly 'stream.opened': { id: string }
  /** That client has gone, or the log has ended. */
  readonly 'stream.closed': { id: string }
}

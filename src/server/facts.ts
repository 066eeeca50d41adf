/** What the server states about the requests it answers; metrics and traces subscribe. */
export interface ServerFacts {
  /** A request was answered. `route` is its pattern, `unmatched` where there is none; `ms` from its head to its last byte. */
  readonly 'request.answered': { method: string; route: string; status: number; ms: number }
  /** A client began to follow a log. */
  readonly 'stream.opened': { id: string }
  /** That client has gone, or the log has ended. */
  readonly 'stream.closed': { id: string }
  /** A workload was handed in by a caller who traces. */
  readonly 'workload.submitted': { id: string; traceparent: string }
}

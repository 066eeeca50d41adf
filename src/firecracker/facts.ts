/** What this room states about vms; metrics and logs subscribe. */
export interface FirecrackerFacts {
  /** A vm said that it is ready. */
  readonly 'vm.started': { vmId: string; runtime: string; start: 'boot'; bootMs: number }
  /** A vm and everything of it is gone. */
  readonly 'vm.ended': { vmId: string; runtime: string }
  /** A start failed at a step; `retried` when another try follows. */
  readonly 'vm.start_failed': { vmId: string; step: string; message: string; retried: boolean }
  /** Round trip of one ping to the agent. */
  readonly 'vsock.rtt': { vmId: string; rttUs: number }
  /** Something of a vm could not be removed; cleanup will try again. */
  readonly 'vm.leftover': { vmId: string; message: string }
}

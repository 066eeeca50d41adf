/** What this room states about vms; metrics and logs subscribe. */
import type { Facts } from '../base/facts.ts'

export interface FirecrackerFacts {
  /** A vm said that it is ready. */
  readonly 'vm.started': { vmId: string; runtime: string; start: 'boot' | 'restore' | 'pool'; bootMs: number }
  /** A vm that an earlier server started is ours, and its run goes on. */
  readonly 'vm.recovered': { vmId: string; runtime: string }
  /** A vm that an earlier server started could not be gone on with, and was taken down. */
  readonly 'vm.recovery_failed': { vmId: string; message: string }
  /** A vm and everything of it is gone. */
  readonly 'vm.ended': { vmId: string; runtime: string }
  /** A start failed at a step; `retried` when another try follows. */
  readonly 'vm.start_failed': { vmId: string; step: string; message: string; retried: boolean }
  /** A template was made and tried, in so many milliseconds. */
  readonly 'template.built': { runtime: string; memMib: number; ms: number }
  /** A template could not be made, or is not used any more; vms of its class boot. */
  readonly 'template.failed': { runtime: string; memMib: number; message: string }
  /** A vm that nobody asked for yet is ready; so many of its class are. It took so many milliseconds. */
  readonly 'pool.filled': { runtime: string; memMib: number; ready: number; ms: number }
  /** It has no copies yet of what it will write to, and is slower for that. */
  readonly 'pool.uncopied': { vmId: string; message: string }
  /** One could not be made; for a while none of its class is. */
  readonly 'pool.failed': { runtime: string; memMib: number; message: string }
  /** Somebody took the firewall's tables away; they were built anew, with so many vms. */
  readonly 'firewall.mended': { table: string; guests: number }
  /** What vms are refused cannot be read, from now on until it can again; records lack it. */
  readonly 'denials.unread': { message: string }
  /** A name on a list could not be opened, or what was refused not be kept. */
  readonly 'nameserver.trouble': { message: string }
  /** Round trip of one ping to the agent. */
  readonly 'vsock.rtt': { vmId: string; rttUs: number }
  /** Something of a vm could not be removed; cleanup will try again. */
  readonly 'vm.leftover': { vmId: string; message: string }
}

/** States what could not be removed of a vm. */
export const leftoverOf =
  (facts: Facts<FirecrackerFacts>, vmId: string) =>
  (failure: unknown): void =>
    facts.emit('vm.leftover', { vmId, message: String(failure) })

/** What networks of vms are told: once for all, and for each vm. */
import type { NetworkSpec } from '../../backend/backend.ts'
import type { Cidr } from './addresses.ts'
import type { Host } from './host.ts'
import type { ConnectionLimits } from './rules.ts'

export interface NetworksOptions {
  /** [a-z0-9]{1,12}; every name of ours on the host carries it. */
  readonly instance: string
  /** Folder with the plugins: bridge, host-local and the tap plugin. */
  readonly cniPlugins: string
  /** Type name of the tap plugin: ours or tc-redirect-tap. */
  readonly tapPlugin: string
  /** Folder for results, leases and rules of living guests; on tmpfs, so that a reboot forgets them with the guests. */
  readonly stateDir: string
  /** Guests' addresses; the first one is the host's. 10.88.0.0/16 by default; `chooseSubnet` finds a free one. */
  readonly subnet?: Cidr
  /** Name servers for guests with the internet; they may be private, not loopback. */
  readonly nameservers: readonly string[]
  /** Bytes; 1500 by default. */
  readonly mtu?: number
  /** Milliseconds for each plugin; 30 s by default. */
  readonly pluginTimeoutMs?: number
  readonly host: Host
  /** Of each guest; thousands by default. */
  readonly connections?: ConnectionLimits
  /** Milliseconds between looks at what guests were refused; 3 s by default. */
  readonly lookMs?: number
  /** Seconds that an address stays open after its name's time; half a minute by default. */
  readonly graceS?: number
}

export interface AttachOptions {
  readonly vmId: string
  /** Owner of the tap: what Firecracker runs as. */
  readonly uid: number
  readonly gid: number
  readonly spec: NetworkSpec
  readonly signal: AbortSignal
}

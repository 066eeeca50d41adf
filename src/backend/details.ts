/** What a record tells of where a run's vm was. */
import type { NetworkSpec } from './backend.ts'

/** Where a vm was, for people who want to understand or to look into it. */
export interface RunDetails {
  /** Release of the guest's kernel. */
  readonly kernel: string
  /** Digest of the image. */
  readonly image: string
  /** User that the VMM ran as on the host. */
  readonly uid: number
  /** Path below the root of cgroups. */
  readonly cgroup: string
  /** Whether the program's process ran already and waited for it, or was started for it. */
  readonly interpreter?: 'waited' | 'new'
  readonly network: {
    readonly mode: NetworkSpec['mode']
    /** The vm's way out; absent with `none`. */
    readonly nic?: {
      /** With the prefix: a.b.c.d/len. */
      readonly address: string
      readonly mac: string
      readonly gateway: string
      /** Interface of the VMM, in the network namespace. */
      readonly tap: string
      readonly netns: string
      /** The host's end of the cable, a port of the bridge. */
      readonly port: string
      /** The cable's other end, in the namespace, joined to the tap; absent in what earlier versions kept. */
      readonly peer?: string
      /** Of the host; absent in what earlier versions kept. */
      readonly bridge?: string
    }
  }
}

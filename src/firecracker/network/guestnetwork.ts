/** The network of a vm as the vm is told of it. */
import type { Firewall } from '../../api/firewall.ts'

/** What a vm is told of its network. */
export interface GuestNetwork {
  /** Path of the network namespace, for the jailer. */
  readonly netns: string
  /** Absent with mode `none`: the vm has no interface at all. */
  readonly nic?: GuestNic
  /** The rules around it; absent with mode `none`. */
  readonly firewall?: Firewall
}

export interface GuestNic {
  /** Name of the tap in the namespace. */
  readonly tap: string
  /** Name of the bridge's port on the host. */
  readonly port: string
  readonly bridge: string
  /** Name in the namespace of the port's other end, which is joined to the tap. */
  readonly peer: string
  readonly mac: string
  /** With the prefix: a.b.c.d/len. */
  readonly address: string
  readonly gateway: string
  /** Bytes. */
  readonly mtu: number
  /** Those the guest may ask; empty where it may ask none. */
  readonly nameservers: readonly string[]
}

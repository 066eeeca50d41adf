/** What a vm is told of its network. */
export interface GuestNetwork {
  /** Path of the network namespace, for the jailer. */
  readonly netns: string
  /** Absent with mode `none`: the vm has no interface at all. */
  readonly nic?: GuestNic
}

export interface GuestNic {
  /** Name of the tap in the namespace. */
  readonly tap: string
  /** Name of the bridge's port on the host. */
  readonly port: string
  readonly mac: string
  /** With the prefix: a.b.c.d/len. */
  readonly address: string
  readonly gateway: string
  /** Bytes. */
  readonly mtu: number
  /** Those the guest may ask; empty where it may ask none. */
  readonly nameservers: readonly string[]
}

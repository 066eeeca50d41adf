/** The way of a packet of this very run, from the guest to where it may go. Pure. */
import type { Firewall } from '../../src/api/firewall.ts'
import type { RunRecord } from '../../src/api/workload.ts'

type Network = NonNullable<RunRecord['details']>['network']
type Nic = NonNullable<Network['nic']>

export interface Hop {
  readonly name: string
  /** Its own names and addresses in this run. */
  readonly own: readonly string[]
  /** One sentence: what it is for. */
  readonly about: string
}

/** Hops that are in the same place. */
export interface Zone {
  readonly name: string
  /** Of the place, in this run. */
  readonly own?: string
  readonly hops: readonly Hop[]
}

/** Where an earlier version kept less, what it did not keep is left out. */
export function zonesOf({ mode, nic }: Network, firewall: Firewall | undefined): Zone[] {
  if (!nic) return []
  return [
    { name: 'In the microVM', hops: [interfaceOf(nic)] },
    { name: 'In a network namespace', own: nic.netns, hops: namespaceOf(nic) },
    { name: 'On the host', hops: hostOf(nic, firewall) },
    { name: 'Beyond', hops: mode === 'host' ? [reached(nic)] : [passed(nic), nat] },
  ]
}

const interfaceOf = ({ address, mac }: Nic): Hop => ({
  name: 'Interface',
  own: [address, mac],
  about: 'The only one that the guest has; it was told its address over vsock.',
})

const peerOf = ({ peer }: Nic): string => peer ?? 'the cable'

const namespaceOf = (nic: Nic): readonly Hop[] => [
  {
    name: 'Tap',
    own: [nic.tap],
    about: 'What the guest sends, Firecracker writes here; nothing else is in this namespace but the cable.',
  },
  {
    name: 'tc redirect',
    own: [`${nic.tap} ⇄ ${peerOf(nic)}`],
    about: 'Two rules of the kernel’s traffic control hand each frame on, one each way, without looking into it.',
  },
]

const hostOf = (nic: Nic, firewall: Firewall | undefined): readonly Hop[] => [
  {
    name: 'veth',
    own: [`${peerOf(nic)} ⇄ ${nic.port}`],
    about: 'A cable between the namespace and the host: what goes in at one end comes out at the other.',
  },
  {
    name: 'Bridge',
    own: nic.bridge === undefined ? [] : [nic.bridge],
    about: 'The cables of all vms end here, each at a port that hears the host and no other port.',
  },
  {
    name: 'nftables',
    // What tells this vm from others, and where its packets go on.
    own: (firewall?.elements ?? []).filter(({ set }) => set === 'guests').map(({ element }) => element),
    about: 'Each packet has to come from this vm’s port, MAC and address, and then pass the rules of its mode.',
  },
]

const reached = ({ gateway }: Nic): Hop => ({
  name: 'Gateway',
  own: [gateway],
  about: 'The host’s address on the bridge, and the only one that may be reached.',
})

const passed = ({ gateway }: Nic): Hop => ({
  name: 'Gateway',
  own: [gateway],
  about: 'The host’s address on the bridge; it hands on what is meant for elsewhere.',
})

const nat: Hop = {
  name: 'NAT',
  own: [],
  about: 'What leaves does so under the host’s own address, as if the host had sent it.',
}

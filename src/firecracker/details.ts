/** Where a vm is, for its record. Pure. */
import { basename, relative } from 'node:path'
import type { RunFacts, RunSpec } from '../backend/backend.ts'
import type { RunDetails } from '../backend/details.ts'
import type { Image } from '../images/images.ts'
import { cgroupRoot } from './names.ts'
import type { FreshVm } from './vm.ts'

interface Placed {
  readonly spec: RunSpec
  readonly image: Image
  readonly vm: FreshVm
  readonly kernel: string
}

/** What is known of a run whose program has not begun, but for whose it is. */
export function factsOf(o: Placed & { rttUs: number }): Omit<RunFacts, 'backend' | 'node'> {
  const { names, start, bootMs, network } = o.vm
  return {
    vmId: names.vmId,
    start,
    bootMs: Math.round(bootMs),
    phasesMs: {},
    vsock: { status: 'connected', rttUs: o.rttUs },
    details: detailsOf(o),
    ...(network.firewall && { firewall: network.firewall }),
  }
}

function detailsOf(o: Placed): RunDetails {
  const { names, uid, network } = o.vm
  const { nic } = network
  const netns = basename(network.netns)
  return {
    kernel: o.kernel,
    image: o.image.digest.slice(0, 12),
    uid,
    cgroup: `/${relative(cgroupRoot, names.cgroup)}`,
    network: {
      mode: o.spec.network.mode,
      ...(nic && {
        nic: {
          ...{ address: nic.address, mac: nic.mac, gateway: nic.gateway, tap: nic.tap, netns, port: nic.port },
          ...{ peer: nic.peer, bridge: nic.bridge },
        },
      }),
    },
  }
}

/** Where a vm is, for its record. Pure. */
import { basename, relative } from 'node:path'
import type { RunSpec } from '../backend/backend.ts'
import type { RunDetails } from '../backend/details.ts'
import type { Image } from '../images/images.ts'
import { cgroupRoot } from './names.ts'
import type { FreshVm } from './vm.ts'

export function detailsOf(o: { spec: RunSpec; image: Image; vm: FreshVm; kernel: string }): RunDetails {
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

/** The first words to a fresh guest: its clock, entropy, name and network; and one ping, for the round trip. */
import { randomBytes } from 'node:crypto'
import type { RunSpec } from '../backend/backend.ts'
import type { Session } from './agent.ts'
import type { FreshVm } from './vm.ts'

/** Bytes of host entropy fed to the guest's random pool. */
const entropyBytes = 64

/** Configures the guest; returns the round trip of a ping, in microseconds. */
export async function greet(session: Session, o: { vm: FreshVm; spec: RunSpec; signal: AbortSignal }): Promise<number> {
  const { nic, hosts } = o.vm.network
  await session.request(
    {
      op: 'configure',
      hostname: 'vulcan',
      time_unix_ns: String(BigInt(Date.now()) * 1_000_000n),
      entropy: randomBytes(entropyBytes).toString('base64'),
      network: nic
        ? { mac: nic.mac, address: nic.address, gateway: nic.gateway, mtu: nic.mtu, nameservers: nic.nameservers }
        : null,
      hosts,
    },
    o.signal,
  )
  const begun = performance.now()
  await session.request({ op: 'ping' }, o.signal)
  return Math.round((performance.now() - begun) * 1000)
}

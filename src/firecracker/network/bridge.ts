/** What all guests of an instance share on the host: the bridge and the kernel's settings for it. */
import { createHash } from 'node:crypto'
import { VulcanError } from '../../api/errors.ts'
import { isMissing } from '../../base/files.ts'
import { CommandFailed } from '../../base/process.ts'
import { type Cidr, isAddress, overlaps } from './addresses.ts'
import { type Host, thisHost } from './host.ts'

export interface BridgeOptions {
  readonly bridge: string
  readonly subnet: Cidr
  readonly gateway: string
  /** Bytes. */
  readonly mtu: number
  readonly host: Host
}

const timeoutMs = 20_000

/** Name of an instance's bridge; an interface has 15 characters at most, an instance 12. */
export const bridgeOf = (instance: string): string => `vul${instance}`

/**
 * A fixed MAC: a bridge without one takes the lowest of its ports', and guests would lose the gateway whenever a vm
 * comes or goes; a vm restored from a snapshot remembers it, too.
 */
const macOf = (bridge: string): string => {
  const digits = createHash('sha256').update(bridge).digest('hex').slice(0, 10)
  return ['02', ...(digits.match(/../g) ?? [])].join(':')
}

/** Makes the bridge with its address; one that is there already is set right. */
export async function makeBridge(o: BridgeOptions): Promise<void> {
  const add = ['ip', 'link', 'add', 'name', o.bridge, 'address', macOf(o.bridge), 'type', 'bridge'] as const
  try {
    await o.host.run(add, { timeoutMs })
  } catch (error) {
    if (!(error instanceof CommandFailed) || !error.stderr.includes('File exists')) throw error
  }
  const input = [
    `link set dev ${o.bridge} address ${macOf(o.bridge)} mtu ${o.mtu} up`,
    `address replace ${o.gateway}/${o.subnet.split('/')[1]} dev ${o.bridge}`,
  ]
  await o.host.run(['ip', '-batch', '-'], { input: `${input.join('\n')}\n`, timeoutMs })
}

/** Kernel settings of the host and of the bridge. */
export async function setKernel(o: BridgeOptions): Promise<void> {
  const { host, bridge } = o
  await host.sysctl('net/ipv4/ip_forward', '1')
  // Guests cannot reach each other on the bridge, not even to ask for a MAC: the host answers in their place, at once,
  // and refuses what then comes.
  await host.sysctl(`net/ipv4/conf/${bridge}/proxy_arp_pvlan`, '1')
  await host.sysctl(`net/ipv4/neigh/${bridge}/proxy_delay`, '0')
  await host.sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, '1').catch((error: unknown) => {
    // A kernel without IPv6 has nothing to turn off.
    if (!isMissing(error)) throw error
  })
}

/** Takes the bridge away; one that is not there is fine. */
export async function removeBridge(o: BridgeOptions): Promise<void> {
  try {
    await o.host.run(['ip', 'link', 'delete', 'dev', o.bridge], { timeoutMs })
  } catch (error) {
    if (!(error instanceof CommandFailed) || !error.stderr.includes('Cannot find device')) throw error
  }
}

/** Refuses a subnet that the host uses already: guests' answers would go there. */
export async function refuseOverlap(o: BridgeOptions): Promise<void> {
  const clash = clashingRoute(await routes(o.host), o)
  if (!clash) return
  throw new VulcanError('host_unfit', `guests' addresses ${o.subnet} are in use on this host: ${clash}`, {
    step: 'bridge',
    hint: 'choose other addresses for guests: the setting network.subnet',
  })
}

/** Where guests may have their addresses when nobody says: the first of these that is free on this host. */
const candidates = Array.from({ length: 40 }, (_, n): Cidr => `10.${88 + n}.0.0/16`)

/** A subnet for an instance: the one its bridge has already, else a free one. */
export async function chooseSubnet(o: { instance: string; host?: Host }): Promise<Cidr> {
  const json = await routes(o.host ?? thisHost)
  return freeSubnet(json, bridgeOf(o.instance))
}

/** Pure: from the answer of `ip -j route`. */
export function freeSubnet(json: string, bridge: string): Cidr {
  const taken = (JSON.parse(json) as Route[]).filter((route) => route.dev === bridge).map((route) => route.dst)
  const own = candidates.find((subnet) => taken.includes(subnet))
  const free = own ?? candidates.find((subnet) => !clashingRoute(json, { bridge, subnet }))
  if (free !== undefined) return free
  throw new VulcanError('host_unfit', 'no block of 10.88.0.0/16 to 10.127.0.0/16 is free for guests on this host', {
    step: 'bridge',
    hint: 'choose addresses for guests: the setting network.subnet',
  })
}

interface Route {
  readonly dst: string
  readonly dev?: string
}

const routes = async (host: Host): Promise<string> =>
  (await host.run(['ip', '-j', '-4', 'route', 'show'], { timeoutMs })).stdout

/** The route of another interface into the subnet, if there is one, from the answer of `ip -j route`. Pure. */
export function clashingRoute(json: string, o: { bridge: string; subnet: Cidr }): string | undefined {
  const clash = (JSON.parse(json) as Route[]).find(({ dst, dev }) => {
    const cidr = dst.includes('/') ? dst : `${dst}/32`
    return dev !== o.bridge && isAddress(cidr.split('/')[0] ?? '') && overlaps(cidr, o.subnet)
  })
  return clash && `${clash.dst} at ${clash.dev ?? 'a route without interface'}`
}

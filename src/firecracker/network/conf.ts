/** CNI's data: configuration lists, what a plugin reads, what it answers. Pure. */
import type { Cidr } from './addresses.ts'

/** Version of the CNI specification we speak: 1.1.0 adds GC and STATUS, which neither bridge nor host-local fills with life. */
export const cniVersion = '1.0.0'

export interface PluginConf {
  readonly type: string
  readonly [key: string]: unknown
}

/** A network configuration list. */
export interface Conflist {
  readonly cniVersion: string
  readonly name: string
  readonly plugins: readonly PluginConf[]
}

export interface CniInterface {
  readonly name: string
  readonly mac?: string
  /** Path of a network namespace, a vm's id, or empty for the host. */
  readonly sandbox?: string
}

export interface CniResult {
  readonly cniVersion: string
  readonly interfaces?: readonly CniInterface[]
  readonly ips?: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[]
}

export interface ConflistOptions {
  readonly name: string
  readonly bridge: string
  readonly subnet: Cidr
  readonly gateway: string
  readonly mtu: number
  /** Folder of host-local's leases; on tmpfs, a reboot forgets them together with the guests. */
  readonly leases: string
  readonly tapPlugin: string
}

/**
 * The network of all guests of an instance. Masquerade and the check of MACs are ours, not the bridge plugin's: it would
 * start nft several times for each ADD, rebuild chains shared with others, and leave its rules behind when the
 * namespace is gone before DEL.
 */
export function conflistOf(o: ConflistOptions): Conflist {
  return {
    cniVersion,
    name: o.name,
    plugins: [
      {
        type: 'bridge',
        bridge: o.bridge,
        isGateway: true,
        ipMasq: false,
        hairpinMode: false,
        portIsolation: true,
        mtu: o.mtu,
        ipam: { type: 'host-local', dataDir: o.leases, ranges: [[{ subnet: o.subnet, gateway: o.gateway }]] },
      },
      { type: o.tapPlugin },
    ],
  }
}

/** What a plugin of the list reads on its standard input. */
export function pluginStdin(list: Conflist, plugin: PluginConf, prevResult?: CniResult): string {
  return JSON.stringify({
    ...plugin,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(prevResult === undefined ? {} : { prevResult }),
  })
}

/** CNI_ARGS: K=V;K=V. */
export const argsText = (args: Readonly<Record<string, string>>): string =>
  Object.entries(args)
    .map(([key, value]) => `${key}=${value}`)
    .join(';')

/** What a vm is to be given of a result. */
export interface Attached {
  readonly tap: string
  /** The guest's MAC: that of the veth whose frames it gets. */
  readonly mac: string
  /** With the prefix: a.b.c.d/len. */
  readonly address: string
  readonly gateway: string
  /** The host's end of the veth pair. */
  readonly port: string
}

/** Reads the last plugin's result. Throws an error that says what the result lacks. */
export function attachedOf(result: CniResult, o: { containerId: string; netns: string; bridge: string }): Attached {
  const interfaces = result.interfaces ?? []
  const guest = interfaces.findIndex((i) => i.sandbox === o.containerId)
  const { name: tap, mac } = interfaces[guest] ?? {}
  if (!tap || !mac) throw new Error(`the result of ADD has no guest interface with a MAC for ${o.containerId}`)
  if (!interfaces.some((i) => i.name === tap && i.sandbox === o.netns)) {
    throw new Error(`the result of ADD has no tap ${tap} in ${o.netns}`)
  }
  const port = interfaces.find((i) => !i.sandbox && i.name !== o.bridge)?.name
  if (port === undefined) throw new Error('the result of ADD names no port of the bridge')
  const ips = (result.ips ?? []).filter((ip) => ip.interface === guest && !ip.address.includes(':'))
  const [ip] = ips
  if (!ip || ips.length !== 1) throw new Error(`the result of ADD has ${ips.length} IPv4 addresses for the guest`)
  if (!ip.gateway) throw new Error('the result of ADD has no gateway')
  return { tap, mac, address: ip.address, gateway: ip.gateway, port }
}

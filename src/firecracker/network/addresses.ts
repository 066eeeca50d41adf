/** IPv4 arithmetic and the list of what a guest never reaches. Pure. */
import ipaddr from 'ipaddr.js'
import type { DenialRule } from '../../api/denial.ts'
import { VulcanError } from '../../api/errors.ts'

/** A block of addresses, written a.b.c.d/len with the host bits zero. */
export type Cidr = string

/** Never reachable from a guest, whatever its workload asks for; by the rule that refuses it, in the order of looking. */
export const refusedBy = {
  /** Where clouds hand out credentials of the host or its containers. */
  metadata: [
    // Alibaba's.
    '100.100.100.200/32',
    // Azure's wire server, at a public address.
    '168.63.129.16/32',
    // Amazon's for containers.
    '169.254.170.2/32',
    '169.254.170.23/32',
    '169.254.169.254/32',
    // Oracle's.
    '192.0.0.192/32',
  ],
  /** Private, shared, loopback and link-local. */
  private: ['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  /** Protocols, benchmarks, multicast and what nobody has. */
  reserved: ['0.0.0.0/8', '192.0.0.0/24', '198.18.0.0/15', '224.0.0.0/4', '240.0.0.0/4'],
} as const satisfies Partial<Record<DenialRule, readonly Cidr[]>>

const refusedRanges: readonly Cidr[] = Object.values(refusedBy).flat()

interface Block {
  /** The network address, as a number. */
  readonly base: number
  readonly prefix: number
}

function blockOf(cidr: Cidr): Block {
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr)
  const bits = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0)
  return { base: bits - (bits % 2 ** (32 - prefix)), prefix }
}

const textOf = ({ base, prefix }: Block): Cidr =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')}/${prefix}`

const contains = (outer: Block, inner: Block): boolean =>
  outer.prefix <= inner.prefix && inner.base - (inner.base % 2 ** (32 - outer.prefix)) === outer.base

/** True when every address of the second block is in the first. */
export const within = (outer: Cidr, inner: Cidr): boolean => contains(blockOf(outer), blockOf(inner))

/** True when the two share an address. */
export const overlaps = (a: Cidr, b: Cidr): boolean => within(a, b) || within(b, a)

/** The block with its host bits zero: 10.88.0.1/16 is in 10.88.0.0/16. */
export const networkOf = (cidr: Cidr): Cidr => textOf(blockOf(cidr))

/** The first usable address of a block: the gateway's. */
export const firstAddress = (subnet: Cidr): string =>
  textOf({ base: blockOf(subnet).base + 1, prefix: 32 }).split('/')[0] ?? ''

/** Blocks in order, none inside another: overlapping elements are refused by a set of intervals. */
export function disjoint(cidrs: readonly Cidr[]): Cidr[] {
  const blocks = cidrs.map(blockOf).sort((a, b) => a.prefix - b.prefix || a.base - b.base)
  const kept: Block[] = []
  for (const block of blocks) if (!kept.some((outer) => contains(outer, block))) kept.push(block)
  return kept.sort((a, b) => a.base - b.base).map(textOf)
}

/** True when no address of the block can be reached from a guest. */
export const isRefused = (cidr: Cidr): boolean => refusedRanges.some((range) => within(range, cidr))

/** The rule that refuses a guest an address, whatever is on its list; `own` are the host's, `subnet` the guests'. */
export function refusalOf(
  address: string,
  o: { readonly own: readonly string[]; readonly subnet: Cidr },
): DenialRule | undefined {
  if (within(o.subnet, `${address}/32`)) return 'guest'
  if (o.own.includes(address)) return 'host'
  const found = Object.entries(refusedBy).find(([, ranges]) => ranges.some((range) => within(range, `${address}/32`)))
  return found?.[0] as DenialRule | undefined
}

/** An address of four numbers, as it is usually written; not 0x7f.1 and the like. */
export const isAddress = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text)

/** One entry of a workload's `allow`. */
export type AllowEntry =
  | { readonly kind: 'block'; readonly cidr: Cidr }
  | { readonly kind: 'name'; readonly name: string }

/** With `*.` before it: all names below. */
const hostName =
  /^(?=.{1,253}$)(\*\.)?(?!\d+(\.\d+)*$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** Reads one entry of `allow`: an address, a CIDR block, a host name or `*.` and a host name. Throws `invalid_field` with the entry's path. */
export function parseAllow(entry: string, index: number): AllowEntry {
  const refuse = (why: string) =>
    new VulcanError('invalid_field', `network.allow: "${entry}" ${why}`, { field: `/network/allow/${index}` })
  const [address = '', prefix = '32', ...rest] = entry.split('/')
  if (isAddress(address)) {
    if (rest.length > 0 || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) throw refuse('is not a CIDR block')
    const cidr = networkOf(`${address}/${prefix}`)
    if (isRefused(cidr)) throw refuse('is in a range that no guest reaches (private, link-local, metadata, reserved)')
    return { kind: 'block', cidr }
  }
  if (entry.includes(':'))
    throw refuse('is not an IPv4 block or host name: guests have no IPv6, and ports are not told apart')
  const name = entry.toLowerCase().replace(/\.$/, '')
  if (!hostName.test(name))
    throw refuse('is neither an IPv4 address, nor a CIDR block, nor a host name (*.name for all below)')
  return { kind: 'name', name }
}

/** The name servers of a resolv.conf that a guest can reach: IPv4, and not the host's own loopback. */
export function nameserversOf(resolvConf: string): string[] {
  const found = resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)
  return [...found].map((match) => match[1] ?? '').filter((a) => isAddress(a) && !within('127.0.0.0/8', `${a}/32`))
}

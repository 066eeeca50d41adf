/** What a workload's `allow` opens: blocks at once, names as they are asked for. Pure. */
import type { NetworkSpec } from '../../backend/backend.ts'
import { type Cidr, disjoint, isRefused, parseAllow, within } from './addresses.ts'
import type { GuestNic } from './guestnetwork.ts'
import type { GuestRule } from './rules.ts'

export interface Allowed {
  /** Blocks that are open; none of them contains another. */
  readonly blocks: readonly Cidr[]
  /** Names in lower case; `*.example.org` is all below example.org, itself left out. */
  readonly names: readonly string[]
}

/** Reads the list. Throws `invalid_field` with the path of the entry at fault. */
export function allowed(spec: NetworkSpec): Allowed {
  if (!isListed(spec)) return { blocks: [], names: [] }
  const entries = spec.allow.map(parseAllow)
  return {
    blocks: disjoint(entries.flatMap((entry) => (entry.kind === 'block' ? [entry.cidr] : []))),
    names: [...new Set(entries.flatMap((entry) => (entry.kind === 'name' ? [entry.name] : [])))],
  }
}

/** What the firewall is to know of a guest with an interface. Throws `invalid_field`. */
export function ruleOf(
  { port, mac, address }: Pick<GuestNic, 'port' | 'mac' | 'address'>,
  spec: NetworkSpec,
): GuestRule {
  const { blocks: allow, names } = allowed(spec)
  const mode = spec.mode === 'host' ? 'host' : isListed(spec) ? 'listed' : 'internet'
  return { port, mac, address: address.replace(/\/.*/, ''), mode, allow, names }
}

/** True when only what is listed may be reached. */
export const isListed = (spec: NetworkSpec): boolean => spec.mode === 'internet' && spec.allow.length > 0

/** True where a name, in lower case, is on a list: by itself, or below what `*.` stands before. */
export const isNamed = (names: readonly string[], name: string): boolean =>
  names.some((each) =>
    each.startsWith('*.') ? name.length >= each.length && name.endsWith(each.slice(1)) : name === each,
  )

/**
 * The name servers that a guest may ask. With a list that is ours, as a query can carry anything out and an answer opens
 * what it says; but where the list has no names, those of the host that are on it by their addresses.
 */
export function nameserversFor(spec: NetworkSpec, o: { gateway: string; all: readonly string[] }): string[] {
  if (spec.mode !== 'internet') return []
  if (!isListed(spec)) return [...o.all]
  const { blocks, names } = allowed(spec)
  const isOpen = (cidr: Cidr) => !isRefused(cidr) && blocks.some((block) => within(block, cidr))
  const open = names.length > 0 ? [] : o.all.filter((address) => isOpen(`${address}/32`))
  return open.length > 0 ? open : [o.gateway]
}

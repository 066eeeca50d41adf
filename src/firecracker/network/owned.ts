/**
 * What of the firewall is one guest's own: a set, and a chain that a map of the table leads its packets to. Pure.
 */

export interface Owned {
  readonly table: string
  /** Of the table: who has which chain. */
  readonly map: 'books' | 'names'
  /** The guest's. */
  readonly address: string
  readonly chain: string
  readonly set: string
  /** Of the set. */
  readonly spec: string
}

/** Leads the guest's packets to its chain. */
export const ledTo = ({ table, map, address, chain }: Owned): string =>
  `element inet ${table} ${map} { ${address} : jump ${chain} }`

/** Removes set, chain and what leads there, whether or not they are there: each is added first. */
export function removeOwned(own: Owned): string {
  const { table, chain, set, spec } = own
  return `add chain inet ${table} ${chain}
add ${ledTo(own)}
delete ${ledTo(own)}
flush chain inet ${table} ${chain}
delete chain inet ${table} ${chain}
add set inet ${table} ${set} { ${spec} }
delete set inet ${table} ${set}
`
}

/** The elements of the sets whose names are that prefix and a guest's address, by address; from the answer of `nft -j list sets`. */
export function elementsOfOwned<E>(json: string, prefix: string): Map<string, readonly E[]> {
  const answer = JSON.parse(json) as { nftables: { set?: { name: string; elem?: { elem: E }[] } }[] }
  const sets = answer.nftables.flatMap(({ set }) => (set?.name.startsWith(prefix) ? [set] : []))
  return new Map(sets.map(({ name, elem = [] }) => [name.slice(prefix.length), elem.map((item) => item.elem)]))
}

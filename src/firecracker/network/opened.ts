/**
 * What a guest may reach because a name on its list led there. Pure.
 *
 * A set of the kernel's with the addresses, each until its time is over, and a chain that looks into it. A connection that was
 * begun in time carries the guest's mark and goes on after; no other guest has that mark, also not the next with its address.
 */

/** An address that a name led to, and for how long it is open. */
export interface Opened {
  readonly address: string
  readonly seconds: number
}

/** Most addresses that are open at once of one guest; the set has room for those of an earlier server as well. */
export const mostOpened = 1024
const spec = `type ipv4_addr; size ${4 * mostOpened}; flags timeout;`

const setOf = (address: string): string => `opened_${address}`
const chainOf = (address: string): string => `names_${address}`

/** Of the table: who has which chain. */
export const mapOfNames = '  map names { type ipv4_addr : verdict; }\n'

/** Of the chain of lists: on to the guest's own. */
export const throughNames = 'ip saddr vmap @names'

export interface NamedGuest {
  readonly mac: string
  readonly address: string
}

/** A mark that no guest before had at that address: MACs are drawn anew for each. Never zero, which is no mark. */
const markOf = (mac: string): number => parseInt(mac.split(':').slice(2).join(''), 16) || 1

/** Lets a guest's names open addresses, from now on; with the entries of an earlier table. */
export function openNames(table: string, { mac, address }: NamedGuest, entries: readonly string[] = []): string {
  const [set, chain, mark] = [setOf(address), chainOf(address), markOf(mac)]
  return `add set inet ${table} ${set} { ${spec} }
${entries.length > 0 ? `add element inet ${table} ${set} { ${entries.join(', ')} }\n` : ''}\
add chain inet ${table} ${chain}
add rule inet ${table} ${chain} ct state established,related ct mark ${mark} goto admitted
add rule inet ${table} ${chain} ip daddr @${set} ct mark set ${mark} goto admitted
add element inet ${table} names { ${address} : jump ${chain} }
`
}

/** Removes them, whether or not they are there. */
export function closeNames(table: string, address: string): string {
  const [set, chain] = [setOf(address), chainOf(address)]
  const element = `element inet ${table} names { ${address} : jump ${chain} }`
  return `add chain inet ${table} ${chain}
add ${element}
delete ${element}
flush chain inet ${table} ${chain}
delete chain inet ${table} ${chain}
add set inet ${table} ${set} { ${spec} }
delete set inet ${table} ${set}
`
}

/** Opens addresses for a guest. An element's time is only set with a new one, which takes the place of the old at once. */
export function openScript(table: string, guest: string, found: readonly Opened[]): string {
  const element = (words: string) => `element inet ${table} ${setOf(guest)} { ${words} }\n`
  return found
    .map(({ address, seconds }) =>
      [
        `add ${element(address)}`,
        `delete ${element(address)}`,
        `add ${element(`${address} timeout ${seconds}s`)}`,
      ].join(''),
    )
    .join('')
}

interface Element {
  readonly val: string
  /** Seconds. */
  readonly timeout: number
  readonly expires: number
}

/** What is open of each guest, by its address, as elements for `openNames`; from the answer of `nft -j list sets`. */
export function openedOf(json: string): Map<string, readonly string[]> {
  const answer = JSON.parse(json) as { nftables: { set?: { name: string; elem?: { elem: Element }[] } }[] }
  const sets = answer.nftables.flatMap(({ set }) => (set?.name.startsWith(setOf('')) ? [set] : []))
  const written = ({ elem: { val, timeout, expires } }: { elem: Element }) =>
    expires > 0 ? [`${val} timeout ${timeout}s expires ${expires}s`] : []
  return new Map(sets.map(({ name, elem = [] }) => [name.slice(setOf('').length), elem.flatMap(written)]))
}

/**
 * What a guest may reach because a name on its list led there. Pure.
 *
 * A set of the kernel's with the addresses, each until its time is over, and a chain that looks into it. A connection that was
 * begun in time carries the guest's mark and goes on after; no other guest has that mark, also not the next with its address.
 */
import { elementsOfOwned, ledTo, type Owned, removeOwned } from './owned.ts'

/** An address that a name led to, and for how long it is open. */
export interface Opened {
  readonly address: string
  readonly seconds: number
}

/** Most addresses that are open at once of one guest; the set has room for those of an earlier server as well. */
export const mostOpened = 1024
const spec = `type ipv4_addr; size ${4 * mostOpened}; flags timeout;`

const setOf = (address: string): string => `opened_${address}`
const ownOf = (table: string, address: string): Owned => ({
  ...{ table, map: 'names', address, chain: `names_${address}`, set: setOf(address), spec },
})

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
  const own = ownOf(table, address)
  const { set, chain } = own
  const mark = markOf(mac)
  return `add set inet ${table} ${set} { ${spec} }
${entries.length > 0 ? `add element inet ${table} ${set} { ${entries.join(', ')} }\n` : ''}\
add chain inet ${table} ${chain}
add rule inet ${table} ${chain} ct state established,related ct mark ${mark} goto admitted
add rule inet ${table} ${chain} ip daddr @${set} ct mark set ${mark} goto admitted
add ${ledTo(own)}
`
}

/** Removes them, whether or not they are there. */
export const closeNames = (table: string, address: string): string => removeOwned(ownOf(table, address))

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
  const written = ({ val, timeout, expires }: Element) =>
    expires > 0 ? [`${val} timeout ${timeout}s expires ${expires}s`] : []
  const all = elementsOfOwned<Element>(json, setOf(''))
  return new Map([...all].map(([address, elements]) => [address, elements.flatMap(written)]))
}

/**
 * A guest's book: where the firewall notes what it refused that guest. Pure.
 *
 * A book is a set of the kernel's with a counter in each element, and a chain that adds to it. The set's size bounds what a
 * guest can fill, for itself alone; one element that is there from the beginning counts what finds no place. Elements
 * carry a time-out that never comes, as what is left of it tells when they were made.
 */
import { denialRules, type DenialRule } from '../../api/denial.ts'
import { mostDenials, type Denial, type Denials } from '../../backend/denial.ts'
import { elementsOfOwned, ledTo, type Owned, removeOwned } from './owned.ts'

/** Of an element, in seconds: beyond the life of any vm. */
const keptS = 365 * 24 * 3600
const spec = `type mark . ipv4_addr . inet_proto . inet_service; size ${mostDenials + 1}; flags dynamic,timeout; timeout ${keptS}s;`

/** Name of the set that is a guest's book. */
export const bookOf = (address: string): string => `denied_${address}`
const ownOf = (table: string, address: string): Owned => ({
  ...{ table, map: 'books', address, chain: `book_${address}`, set: bookOf(address), spec },
})

/** What a packet that the rule refuses is marked with; 0 is for what found no place. */
export const markOf = (rule: DenialRule): number => denialRules.indexOf(rule) + 1

/** Of the table: who has which book. */
export const mapOfBooks = '  map books { type ipv4_addr : verdict; }\n'

/** Of the table: a refusal is noted in the book of its guest, then answered at once. */
export const refuseAndNote = `  chain answer {
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }
  chain refuse {
    ip saddr vmap @books
    goto answer
  }
`

/** Opens a guest's book, with the entries of an earlier one. */
export function openBook(table: string, address: string, entries: readonly string[] = []): string {
  const own = ownOf(table, address)
  const { set, chain } = own
  const others = `0 . ${address} . 0 . 0`
  const first = entries.some((entry) => entry.startsWith('0 .'))
    ? entries
    : [`${others} counter packets 0 bytes 0`, ...entries]
  const note = (port: string) => `add @${set} { meta mark . ip daddr . meta l4proto . ${port} counter } return`
  return `add set inet ${table} ${set} { ${spec} }
add element inet ${table} ${set} { ${first.join(', ')} }
add chain inet ${table} ${chain}
add rule inet ${table} ${chain} meta l4proto { tcp, udp } ${note('th dport')}
add rule inet ${table} ${chain} meta l4proto != { tcp, udp } ${note('0')}
add rule inet ${table} ${chain} add @${set} { ${others.replace(address, 'ip saddr')} counter }
add ${ledTo(own)}
`
}

/** Removes a guest's book, whether or not it is there. */
export const closeBook = (table: string, address: string): string => removeOwned(ownOf(table, address))

/** Names of protocols, of which nft gives the number where a host has no list of names. */
const protocols: Readonly<Record<string, string>> = {
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  132: 'sctp',
}

interface Element {
  readonly val: { readonly concat: readonly [mark: number, address: string, protocol: string | number, port: number] }
  /** Seconds. */
  readonly expires: number
  readonly counter: { readonly packets: number; readonly bytes: number }
}

/** Each guest's address with the elements of its book, from the answer of `nft -j list sets`. */
const elementsOf = (json: string): Map<string, readonly Element[]> => elementsOfOwned(json, bookOf(''))

/** What each guest's book says, by address. `now`: milliseconds of the epoch. */
export function denialsOf(json: string, now: number): Map<string, Denials> {
  const read = (elements: readonly Element[]): Denials => ({
    known: elements.flatMap((element) => denialOf(element, now) ?? []).sort((a, b) => a.firstAt - b.firstAt),
    others: elements.find(({ val }) => val.concat[0] === 0)?.counter.packets ?? 0,
  })
  return new Map([...elementsOf(json)].map(([address, elements]) => [address, read(elements)]))
}

function denialOf({ val, expires, counter }: Element, now: number): Denial | undefined {
  const [mark, address, protocol, port] = val.concat
  const rule = denialRules[mark - 1]
  if (!rule) return undefined
  const firstAt = now - Math.max(0, keptS - expires) * 1000
  return {
    address,
    ...(port > 0 && { port }),
    protocol: protocols[protocol] ?? String(protocol),
    rule,
    count: counter.packets,
    firstAt,
  }
}

/** The same as elements for `openBook`, where tables are built anew. */
export function entriesOf(json: string): Map<string, readonly string[]> {
  const written = ({ val, expires, counter: { packets, bytes } }: Element): string =>
    `${val.concat.join(' . ')} counter packets ${packets} bytes ${bytes} expires ${expires}s`
  return new Map([...elementsOf(json)].map(([address, elements]) => [address, elements.map(written)]))
}

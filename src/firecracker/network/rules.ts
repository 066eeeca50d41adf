/**
 * The firewall, as nft scripts. Pure. One script is one transaction: the kernel takes all of it or none.
 *
 * Two tables carry the instance's name. The `bridge` table pins each port to its guest's MAC and address, for ARP too; frames
 * that no bridge passes on never come there, and the guest's tap keeps them back (`native/tap`). The `inet` table decides what
 * a guest may reach: its chains are the same for all guests, a guest is one element of a map that names its chain. Anything
 * unknown on the bridge is refused.
 */
import { denialRules, type DenialRule } from '../../api/denial.ts'
import { type Cidr, disjoint, networkOf, refusedBy } from './addresses.ts'
import { closeBook, mapOfBooks, markOf, openBook, refuseAndNote } from './books.ts'
import { closeNames, mapOfNames, openNames, throughNames } from './opened.ts'
import { leadQuestions, passQuestions, type QuestionOptions, setsOfQuestions } from './questions.ts'

export interface TableOptions extends QuestionOptions {
  /** [a-z0-9]{1,12}. */
  readonly instance: string
  readonly subnet: Cidr
  /** Name servers that guests with the internet may ask, private or not. */
  readonly resolvers: readonly string[]
  readonly connections?: ConnectionLimits
}

/** What each guest may have of connections, as the kernel tracks them: its table is one for all of this host. */
export interface ConnectionLimits {
  /** That are open at once. */
  readonly atOnce: number
  /** That begin in a second, in the long run. */
  readonly perSecond: number
  /** That may begin together. */
  readonly burst: number
}

const enough: ConnectionLimits = { atOnce: 4096, perSecond: 200, burst: 2000 }

/** What the firewall knows of a guest. `listed` is the internet less all that is not in `allow`. */
export interface GuestRule {
  /** The host's end of the veth pair. */
  readonly port: string
  readonly mac: string
  /** Without a prefix. */
  readonly address: string
  readonly mode: 'host' | 'internet' | 'listed'
  readonly allow: readonly Cidr[]
  /** Names whose addresses are opened as they are asked for; empty but with a list. */
  readonly names: readonly string[]
}

export const tableOf = (instance: string): string => `vulcan_${instance}`

/** A guest that lives, with what its book says and what its names opened: entries as `entriesOf` and `openedOf` give them. */
export type LivingGuest = GuestRule & {
  readonly book?: readonly string[] | undefined
  readonly opened?: readonly string[] | undefined
}

/** Builds both tables anew, with the guests that live: whatever was in them before is gone in the same transaction. */
export function installScript(o: TableOptions, guests: readonly LivingGuest[]): string {
  const admitted = guests.map((guest) => admitScript(o.instance, guest))
  return [removeScript(o.instance), egress(o), pinning(tableOf(o.instance)), ...admitted].join('')
}

/** Removes both tables, whether or not they are there. */
export const removeScript = (instance: string): string =>
  ['inet', 'bridge']
    .map((family) => `table ${family} ${tableOf(instance)} {}\ndelete table ${family} ${tableOf(instance)}\n`)
    .join('')

/** Lets a guest in: its book of refusals, what its names open, and set elements. */
export const admitScript = (instance: string, guest: LivingGuest): string => {
  const table = tableOf(instance)
  const admitted = elements(table, guest).map((element) => `add ${element}\n`)
  const names = guest.names.length > 0 ? openNames(table, guest, guest.opened) : ''
  return [openBook(table, guest.address, guest.book), names, ...admitted].join('')
}

/**
 * Takes a guest out, its book, and what was counted of its connections, which the next with its address has no part in.
 * Each element is added first, so that one that is not there is no error.
 */
export const expelScript = (instance: string, guest: GuestRule): string => {
  const table = tableOf(instance)
  const counted = ['opening', 'open', 'asking'].map((set) => `element inet ${table} ${set} { ${guest.address} }`)
  const expelled = [...elements(table, guest), ...counted].flatMap((element) => [
    `add ${element}\n`,
    `delete ${element}\n`,
  ])
  const names = guest.names.length > 0 ? closeNames(table, guest.address) : ''
  return [...expelled, names, closeBook(table, guest.address)].join('')
}

function elements(table: string, g: GuestRule): string[] {
  const allow = disjoint(g.allow).map((cidr) => `${g.address} . ${cidr}`)
  return [
    `element bridge ${table} ports { "${g.port}" }`,
    `element bridge ${table} guests { "${g.port}" . ${g.mac} . ${g.address} }`,
    `element inet ${table} ports { "${g.port}" }`,
    ...(allow.length > 0 ? [`element inet ${table} allowed { ${allow.join(', ')} }`] : []),
    ...(g.mode === 'listed' ? [`element inet ${table} listed { ${g.address} }`] : []),
    `element inet ${table} guests { ${g.mac} . ${g.address} : goto ${g.mode} }`,
  ]
}

const setOf = (members: readonly string[]): string =>
  members.length > 0 ? `elements = { ${members.join(', ')} };` : ''

const egress = (o: TableOptions): string => `table inet ${tableOf(o.instance)} {
${sets(o)}${modes(o)}${admitted(o.connections ?? enough)}${leadQuestions(o, refusing('limit'))}${hooks(o)}}
`

const sets = (o: TableOptions): string => `${denialRules.map((rule) => `  counter ${counterOf(rule)} {}\n`).join('')}\
${Object.entries(refusedBy)
  .map(([rule, ranges]) => `  set ${rule} { type ipv4_addr; flags interval; ${setOf(ranges)} }\n`)
  .join('')}\
  set resolvers { type ipv4_addr; ${setOf([...new Set(o.resolvers)])} }
  set open { type ipv4_addr; size 65535; flags dynamic; }
  set opening { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1h; }
  set allowed { type ipv4_addr . ipv4_addr; flags interval; }
  set ports { type ifname; }
  map guests { type ether_addr . ipv4_addr : verdict; }
${setsOfQuestions}${mapOfBooks}${mapOfNames}`

/** Each counts for itself and leaves its mark on the packet, which the guest's book then notes. */
const refusals = (): string =>
  denialRules
    .map(
      (rule) =>
        `  chain ${refusing(rule)} {\n    counter name ${counterOf(rule)} meta mark set ${markOf(rule)} goto refuse\n  }\n`,
    )
    .join('')

const counterOf = (rule: DenialRule): string => `refused_${rule}`

const refusing = (rule: DenialRule): string => `refuse_${rule}`

/**
 * One chain for each mode. `fib` finds the host's own addresses, broadcast and multicast. What never is reached comes
 * before what a mode leaves out, so that whoever reads of it is not told to ask for another mode.
 */
const modes = (o: TableOptions): string => `${refuseAndNote}${refusals()}  chain never {
    ip daddr @metadata goto ${refusing('metadata')}
    fib daddr type local goto ${refusing('host')}
    ip daddr @private goto ${refusing('private')}
    ip daddr @reserved goto ${refusing('reserved')}
    fib daddr type != unicast goto ${refusing('reserved')}
  }
  chain host {
    ip daddr ${o.gateway} goto admitted
    jump never
    goto ${refusing('mode')}
  }
  chain internet {
    ip daddr ${o.gateway} icmp type echo-request goto admitted
    ip daddr @resolvers udp dport 53 goto admitted
    ip daddr @resolvers tcp dport 53 goto admitted
    ip daddr @resolvers ct state related goto admitted
    jump never
    goto admitted
  }
  chain listed {
    ip daddr ${o.gateway} icmp type echo-request goto admitted
${passQuestions(o)}    jump never
    ip saddr . ip daddr @allowed goto admitted
    ${throughNames}
    goto ${refusing('allow')}
  }
`

/** What a mode lets through: only so many connections of it. One that was refused is none, and counts for nothing. */
const admitted = ({ atOnce, perSecond, burst }: ConnectionLimits): string => `  chain admitted {
    ct state != new accept
    update @opening { ip saddr limit rate over ${perSecond}/second burst ${burst} packets } goto ${refusing('limit')}
    add @open { ip saddr ct count over ${atOnce} } goto ${refusing('limit')}
    accept
  }
`

/**
 * Every packet a guest sends meets its mode's rules, also within a connection: an address that is used again must not
 * inherit the connections of the guest that had it before. What comes back to it does so by connection alone. Guest to guest is
 * refused before routing: the kernel would send a redirect first, and that one would use up what it grants of ICMP. What
 * comes by a port and not by its bridge was for a link-local group, whatever address it bears: the host would take it.
 */
const hooks = ({ bridge, subnet, gateway }: TableOptions): string => `  chain unbridged {
    type filter hook prerouting priority raw; policy accept;
    iifname @ports drop
  }
  chain prerouting {
    type filter hook prerouting priority filter - 10; policy accept;
    iifname "${bridge}" ip daddr ${networkOf(subnet)} ip daddr != ${gateway} goto ${refusing('guest')}
  }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname != "${bridge}" accept
    ct state established,related ct direction reply accept
    ether saddr . ip saddr vmap @guests
    goto ${refusing('unknown')}
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    iifname "${bridge}" ct state invalid drop
    iifname "${bridge}" oifname "${bridge}" goto ${refusing('guest')}
    iifname "${bridge}" ether saddr . ip saddr vmap @guests
    iifname "${bridge}" goto ${refusing('unknown')}
    oifname "${bridge}" ct state established,related accept
    oifname "${bridge}" goto answer
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${networkOf(subnet)} oifname != "${bridge}" masquerade
  }
`

/** A frame from a guest's port carries the guest's MAC and address, in ARP as well; all else (IPv6 too) is dropped. */
const pinning = (table: string): string => `table bridge ${table} {
  set ports { type ifname; }
  set guests { type ifname . ether_addr . ipv4_addr; }
  chain prerouting {
    type filter hook prerouting priority dstnat; policy accept;
    iifname @ports goto pinned
  }
  chain pinned {
    iifname . ether saddr . ip saddr @guests accept
    iifname . ether saddr . arp saddr ip @guests iifname . arp saddr ether . arp saddr ip @guests accept
    drop
  }
}
`

/** Packets that each rule has refused so far, from the answer of `nft -j list counters`. */
export function countsOf(json: string): Record<DenialRule, number> {
  const answer = JSON.parse(json) as { nftables: { counter?: { name: string; packets: number } }[] }
  const packets = new Map(answer.nftables.map(({ counter }) => [counter?.name, counter?.packets ?? 0]))
  return Object.fromEntries(denialRules.map((rule) => [rule, packets.get(counterOf(rule)) ?? 0])) as Record<
    DenialRule,
    number
  >
}

/** The firewall's rules for one guest, for its run's record: read from the very scripts that nft is handed. Pure. */
import type { Firewall } from '../../api/firewall.ts'
import { admitScript, type GuestRule, installScript, type TableOptions, tableOf } from './rules.ts'

/** Elements that are told of one guest; a list of names may open hundreds of addresses. */
export const mostElements = 64

type Chain = Firewall['chains'][number]
type Element = Firewall['elements'][number]

/** Chains that a packet meets, in that order, but for the one of its guest's mode, which is in the middle. */
const before = ['bridge prerouting', 'bridge pinned', 'inet unbridged', 'inet prerouting', 'inet input', 'inet forward']
/** Those of a guest with a list meet these first when it asks for a name. */
const questions = ['inet asked', 'inet asking', 'inet answering']
const behind = ['inet never', 'inet admitted', 'inet refuse', 'inet answer', 'inet postrouting']

export function firewallOf(o: TableOptions, guest: GuestRule): Firewall {
  const tables = tablesOf(installScript(o, []))
  const chains = tables.flatMap(chainsOf)
  const asked = guest.mode === 'listed' ? questions : []
  const met = [...asked, ...before, `inet ${guest.mode}`, ...behind].flatMap(
    (name) => chains.find(({ family, chain }) => `${family} ${chain}` === name) ?? [],
  )
  const own = elementsOf(admitScript(o.instance, guest))
  const elements = own.slice(0, mostElements)
  return {
    table: tableOf(o.instance),
    elements,
    elements_others: own.length - elements.length,
    chains: met,
    sets: setsNamedIn(met, tables),
  }
}

interface Table {
  readonly family: Chain['family']
  readonly body: string
}

const tablesOf = (script: string): Table[] =>
  [...script.matchAll(/^table (bridge|inet) \S+ \{\n(.*?)^\}$/gms)].map(([, family = '', body = '']) => ({
    family: family as Chain['family'],
    body,
  }))

const chainsOf = ({ family, body }: Table): Chain[] =>
  [...body.matchAll(/^ {2}chain (\S+) \{\n(.*?)\n {2}\}$/gms)].map(([, chain = '', text = '']) => {
    const lines = text.split('\n').map((line) => line.trim())
    const [hook] = lines[0]?.startsWith('type ') ? lines.splice(0, 1) : []
    return { family, chain, ...(hook !== undefined && { hook }), rules: lines }
  })

/** As nft lists what it was handed: a single address without its length. */
const asListed = (element: string): string => element.replace(/\/32$/, '')

/** Of what is told: a long list of what a guest may reach must not push out what says who it is. */
const order = ['ports', 'guests', 'listed', 'books', 'names', 'allowed']

/** What admits a guest in sets that all guests share; its book, which is a set of its own, is made beside them. */
const elementsOf = (script: string): Element[] =>
  [...script.matchAll(/^add element (bridge|inet) \S+ (\S+) \{ (.*) \}$/gm)]
    .filter(([, , set = '']) => !set.startsWith('denied_'))
    .flatMap(([, family = '', set = '', members = '']) =>
      members.split(', ').map((element) => ({ family: family as Element['family'], set, element: asListed(element) })),
    )
    .sort((a, b) => order.indexOf(a.set) - order.indexOf(b.set))

function setsNamedIn(chains: readonly Chain[], tables: readonly Table[]): Firewall['sets'] {
  const named = new Set(chains.flatMap(({ rules }) => rules.flatMap((rule) => rule.match(/@[a-z]+/g) ?? [])))
  const sets = tables.flatMap(({ body }) => [...body.matchAll(/^ {2}set (\S+) \{.*elements = \{ (.*?) \};.*\}$/gm)])
  return Object.fromEntries(
    sets
      .filter(([, name]) => named.has(`@${name}`))
      .map(([, name = '', members = '']) => [name, members.split(', ').map(asListed)]),
  )
}

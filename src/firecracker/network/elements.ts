/** The firewall's elements as nft tells them, compared with the records of guests. Pure. */
import type { GuestRule } from './rules.ts'

type Json = string | { concat?: Json[]; prefix?: { addr: string; len: number }; range?: [Json, Json] }
/** An element of a set, or one of a map with its verdict. */
type Element = Json | [Json, { goto?: { target: string } }]
interface Answer {
  readonly nftables: readonly Record<'set' | 'map', { family: string; table: string; name: string; elem?: Element[] }>[]
}

/** Elements of guests (`element inet vulcan_x guests { … }`) that no record has, from the answers of `nft -j list table`. */
export function strayElements(answers: readonly string[], guests: readonly GuestRule[]): string[] {
  const known: Readonly<Record<string, ReadonlySet<string>>> = {
    'bridge ports': new Set(guests.map(({ port }) => quoted(port))),
    'bridge guests': new Set(guests.map(({ port, mac, address }) => `${quoted(port)} . ${mac} . ${address}`)),
    'inet guests': new Set(guests.map(({ mac, address }) => `${mac} . ${address}`)),
    'inet listed': new Set(guests.map(({ address }) => address)),
    'inet allowed': new Set(guests.map(({ address }) => address)),
  }
  return answers.flatMap((answer) =>
    (JSON.parse(answer) as Answer).nftables.flatMap((item) => {
      const set = item.set ?? item.map
      const ours = set && known[`${set.family} ${set.name}`]
      if (!ours) return []
      const stray = (set.elem ?? []).filter((element) => !ours.has(keyOf(set.name, element)))
      return stray.map((element) => `element ${set.family} ${set.table} ${set.name} { ${textOf(element)} }`)
    }),
  )
}

/** What a record knows it by: an allowance by whom it is for, not by where it leads. */
function keyOf(set: string, element: Element): string {
  const [key] = Array.isArray(element) ? element : [element]
  const text = wordOf(key)
  return set === 'allowed' ? (text.split(' . ')[0] ?? '') : text
}

function textOf(element: Element): string {
  if (!Array.isArray(element)) return wordOf(element)
  const [key, verdict] = element
  return `${wordOf(key)} : goto ${verdict.goto?.target}`
}

function wordOf(json: Json): string {
  if (typeof json === 'string') return /^[0-9a-f]+[:.][0-9a-f:.]+$/.test(json) ? json : quoted(json)
  if (json.concat) return json.concat.map(wordOf).join(' . ')
  if (json.prefix) return `${json.prefix.addr}/${json.prefix.len}`
  return (json.range ?? []).map(wordOf).join('-')
}

const quoted = (port: string): string => JSON.stringify(port)

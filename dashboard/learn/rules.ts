/** What the firewall's rules mean, in one sentence each, and what of this very vm is in the sets that they name. Pure. */
import type { Firewall } from '../../src/api/firewall.ts'

type Chain = Firewall['chains'][number]

export interface Rule {
  readonly text: string
  readonly meaning: string
  /** What is in the set that it names: the elements of this vm, or where it has none of its own, those of all. */
  readonly holds: readonly string[]
}

export interface Chapter {
  /** `inet forward`. */
  readonly name: string
  readonly about: string
  readonly rules: readonly Rule[]
}

const abouts: Readonly<Record<string, string>> = {
  'bridge prerouting': 'Where a frame enters the bridge.',
  'bridge pinned': 'Who a vm may say that it is.',
  'inet unbridged': 'What comes from the port of a vm past the bridge.',
  'inet asked': 'Questions for names, before anything else: of a vm with a list.',
  'inet asking': 'How much it may ask.',
  'inet answering': 'Who answers it.',
  'inet prerouting': 'Before the kernel looks where a packet should go.',
  'inet input': 'For packets to the host itself.',
  'inet forward': 'For packets through the host, to elsewhere and back.',
  'inet host': 'What the network mode host lets through.',
  'inet internet': 'What the network mode internet lets through.',
  'inet listed': 'What the network mode internet lets through where the workload gave a list.',
  'inet never': 'What no vm ever reaches, whatever its mode.',
  'inet admitted': 'What was let through still counts: nobody may fill the table of connections.',
  'inet refuse': 'Where each refusal ends.',
  'inet answer': 'A program hears at once that it was refused, instead of waiting.',
  'inet postrouting': 'On the way out.',
}

/** The first that fits tells. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [/^iifname @ports drop$/, 'The host takes nothing from there, whatever address it bears.'],
  [/^iifname @ports goto pinned$/, 'What comes in at the port of a vm has to prove whose it is.'],
  [/ip saddr @guests accept$/, 'From this port, with this MAC and this address: it goes on.'],
  [/arp saddr/, 'ARP may tell the vm’s own address too, and no other.'],
  [/^drop$/, 'Everything else is dropped: nobody takes another’s address, and IPv6 goes nowhere.'],
  [
    /ip daddr != \S+ goto refuse_guest$/,
    'What is meant for another vm is refused; the gateway’s address alone is not.',
  ],
  [/@listed .* goto asking$/, 'What a vm with a list asks a name server is counted first.'],
  [/@asking/, 'Who asks too much is refused more.'],
  [/@listed .* redirect to/, 'Vulcan’s own name server answers, on a port that was free; it opens what it answers.'],
  [/ct status dnat ct state related/, 'That nobody waits for an answer any longer may be told.'],
  [/ct status dnat (udp|tcp) dport/, 'Questions that were led to the name server reach it.'],
  [/vmap @names$/, 'Addresses that names of the list led to are open for as long as the names last.'],
  [/^iifname != "\S+" accept$/, 'What does not come from a vm is none of this firewall’s business.'],
  [/direction reply accept$/, 'The vm may answer what the host began.'],
  [/saddr vmap @guests$/, 'The vm is found by its MAC and address, and goes on with the rules of its network mode.'],
  [/goto refuse_unknown$/, 'Who is not known is refused.'],
  [/ct state invalid drop$/, 'What belongs to no connection that it could belong to is dropped.'],
  [/oifname "\S+" goto refuse_guest$/, 'From one vm to another: refused.'],
  [/^oifname "\S+" ct state established,related accept$/, 'Answers to what the vm began come back to it.'],
  [/^oifname "\S+" goto answer$/, 'Nobody else reaches the vm.'],
  [/icmp type echo-request goto admitted$/, 'The gateway answers a ping.'],
  [/@resolvers/, 'Names may be looked up at these name servers, wherever they are.'],
  [/^ip daddr \S+ goto admitted$/, 'The gateway’s address on this host may be reached.'],
  [/^jump never$/, 'What no vm reaches is sorted out first.'],
  [/@allowed goto admitted$/, 'What the workload’s list opens may be reached.'],
  [/^goto admitted$/, 'All that is left may be reached.'],
  [/^goto refuse_mode$/, 'All else the network mode leaves out.'],
  [/^goto refuse_allow$/, 'All else is not on the list.'],
  [/goto refuse_metadata$/, 'Clouds hand out credentials at these addresses.'],
  [/goto refuse_host$/, 'The host’s other addresses stay closed.'],
  [/goto refuse_private$/, 'Private, shared and link-local networks are somebody’s inside.'],
  [/goto refuse_reserved$/, 'Broadcast, multicast and what nobody has.'],
  [/^ct state != new accept$/, 'A connection that was let through goes on.'],
  [/@opening/, 'A vm that opens too many connections in a second is refused more.'],
  [/@open\b/, 'So is one that has too many open at once.'],
  [/^accept$/, 'It is let through.'],
  [/vmap @books$/, 'The refusal is noted in the vm’s own book, which is where its record has it from.'],
  [/^goto answer$/, 'Then it is answered.'],
  [/reject with tcp reset$/, 'TCP: connection refused.'],
  [/^reject with icmpx/, 'Anything else: prohibited, by ICMP.'],
  [/masquerade$/, 'What leaves this host does so under the host’s own address; answers find their way back by it.'],
]

export const meaningOf = (rule: string): string | undefined => meanings.find(([form]) => form.test(rule))?.[1]

/** Its chains as a packet meets them. */
export function chaptersOf(firewall: Firewall): Chapter[] {
  return firewall.chains.map((chain) => {
    const name = `${chain.family} ${chain.chain}`
    return {
      name,
      about: abouts[name] ?? '',
      rules: chain.rules.map((text) => ({
        text,
        meaning: meaningOf(text) ?? '',
        holds: heldOf(text, chain.family, firewall),
      })),
    }
  })
}

function heldOf(
  rule: string,
  family: Chain['family'],
  { elements, elements_others: others, sets }: Firewall,
): string[] {
  const set = /@([a-z]+)/.exec(rule)?.[1]
  if (set === undefined) return []
  const own = elements.filter((each) => each.family === family && each.set === set).map(({ element }) => element)
  if (set === 'allowed' && others > 0) return [...own, `and ${others} more`]
  return own.length > 0 ? own : [...(sets[set] ?? [])]
}

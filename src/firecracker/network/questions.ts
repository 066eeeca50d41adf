/**
 * How the firewall leads questions of guests with a list to our name server. Pure.
 *
 * It listens on ports that were free, since a host may have a name server of its own on all of its addresses. What a guest may
 * ask is limited before that, so that a refusal names the port that was asked.
 */
import type { Ports } from './nameserver.ts'

/** Packets that each guest may send to it, in a second and together: few enough for its socket to hold those of the others too. */
const limit = { perSecond: 100, burst: 200 }

export interface QuestionOptions {
  readonly bridge: string
  /** The host's address on the bridge. */
  readonly gateway: string
  /** Where our name server listens at that address. */
  readonly ports: Ports
}

/** Of the table: who may ask, and how much each has asked. */
export const setsOfQuestions = `  set asking { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }
  set listed { type ipv4_addr; }
`

/** Of the table: hooks before all others. `beyond` is where goes what is too much. */
export const leadQuestions = ({ bridge, gateway, ports }: QuestionOptions, beyond: string): string => `  chain asked {
    type filter hook prerouting priority dstnat - 10; policy accept;
    iifname "${bridge}" ip saddr @listed ip daddr ${gateway} udp dport 53 goto asking
    iifname "${bridge}" ip saddr @listed ip daddr ${gateway} tcp dport 53 goto asking
  }
  chain asking {
    update @asking { ip saddr limit rate over ${limit.perSecond}/second burst ${limit.burst} packets } goto ${beyond}
  }
  chain answering {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${bridge}" ip saddr @listed ip daddr ${gateway} udp dport 53 redirect to :${ports.udp}
    iifname "${bridge}" ip saddr @listed ip daddr ${gateway} tcp dport 53 redirect to :${ports.tcp}
  }
`

/** Of the chain of lists: what was led there passes, and that somebody no longer waits for an answer. */
export const passQuestions = ({ gateway, ports }: QuestionOptions): string => `\
    ip daddr ${gateway} ct status dnat ct state related goto admitted
    ip daddr ${gateway} ct status dnat udp dport ${ports.udp} goto admitted
    ip daddr ${gateway} ct status dnat tcp dport ${ports.tcp} goto admitted
`

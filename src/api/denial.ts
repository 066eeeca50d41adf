/** What the network refused a run: destinations, which rule refused them, and what to do about it. */
import { Type, type Static } from 'typebox'

/**
 * What refuses a packet. `reserved`: multicast, broadcast and what nobody has; `allow`: not on the list that the workload
 * gave; `mode`: not within its network mode; `limit`: more connections than a vm may have or open; `unknown`: of a vm that the
 * firewall does not know. Their order is that of marks in firewalls that live: new ones come last.
 */
export const denialRules = [
  'metadata',
  'host',
  'guest',
  'private',
  'reserved',
  'allow',
  'mode',
  'unknown',
  'limit',
] as const
export type DenialRule = (typeof denialRules)[number]

const target = {
  host: Type.Optional(Type.String({ description: 'the name that was asked for, where that was refused' })),
  address: Type.Optional(Type.String({ description: 'IPv4; of a name, what it led to, if it was looked up' })),
  port: Type.Optional(Type.Integer({ description: 'absent where the protocol has none' })),
  protocol: Type.String({ description: 'tcp, udp, icmp …; dns for a name' }),
  rule: Type.Enum([...denialRules], { type: 'string', description: 'what refused it' }),
  first_at: Type.String({ description: 'RFC 3339, to about a second' }),
  hint: Type.String({ description: 'what it means, and what opens it where something does' }),
}

/** The data of a log's event `denied`: a destination, or a name, is told once. */
export const Denied = Type.Object(target)
export type Denied = Static<typeof Denied>

export const NetworkRecord = Type.Object(
  {
    denied: Type.Array(
      Type.Object({
        ...target,
        count: Type.Integer({ description: 'packets; of TCP that is attempts to connect, of a name questions' }),
      }),
      { description: 'the first destinations that were refused, and the first names, 64 of each at most' },
    ),
    denied_others: Type.Integer({ description: 'packets and questions that were refused beyond these' }),
  },
  { description: 'what the network refused; absent where it refused nothing, and in listings' },
)
export type NetworkRecord = Static<typeof NetworkRecord>

const hints: Readonly<Record<DenialRule, string>> = {
  metadata: 'the metadata services of clouds are never reached from a vm',
  host: 'of the host a vm reaches the gateway address alone, and that only with network mode host',
  guest: 'workloads do not reach one another',
  private: 'private, shared and link-local ranges are never reached from a vm; allow does not open them',
  reserved: 'multicast, broadcast and reserved addresses are never reached from a vm',
  allow:
    'it is not on the list of the workload: --allow opens it; what a name on it leads to is open once asked for, and for its time',
  mode: 'the network mode of the workload leaves it out: --network internet opens it',
  unknown: 'the firewall did not know the vm',
  limit: 'the vm had, or opened, more connections at once than one may',
}

/** What to say to somebody whose program was refused. */
export function hintOf({ rule, port, host }: Pick<Denied, 'rule' | 'port' | 'host'>): string {
  if (host !== undefined) return hintOfName(rule)
  if (rule === 'allow' && port === 53) {
    return 'a name server is asked only where --allow lists its address; names that --allow lists are answered by the one in /etc/resolv.conf'
  }
  return hints[rule]
}

function hintOfName(rule: DenialRule): string {
  if (rule === 'allow') return 'the name is not on the list of the workload: --allow opens it (*.name all below it)'
  if (rule === 'limit') return 'the vm asked for, or opened, more at once than one may'
  return `the name leads to an address that stays closed: ${hints[rule]}`
}

/** `10.1.2.3:80`, with the protocol where it is not TCP; `name` or `name at 10.1.2.3`. */
export function targetOf({ host, address, port, protocol }: Omit<Denied, 'rule' | 'first_at' | 'hint'>): string {
  if (host !== undefined) return address === undefined ? host : `${host} at ${address}`
  const place = port === undefined ? `${address}` : `${address}:${port}`
  return protocol === 'tcp' ? place : `${place}/${protocol}`
}

/** All of it in one line; undefined where nothing was refused. */
export function deniedWords(network: NetworkRecord | undefined, most = 5): string | undefined {
  if (!network) return undefined
  const { denied, denied_others: others } = network
  const total = denied.reduce((sum, { count }) => sum + count, others)
  const named = denied
    .slice(0, most)
    .map((each) => `${targetOf(each)} (${each.rule}${each.count > 1 ? `, ${each.count} times` : ''})`)
  const more = denied.length > most || others > 0 ? ' and others' : ''
  const verb = total === 1 ? 'connection was' : 'connections were'
  return `${total} ${verb} refused: ${named.join(', ')}${more}`
}

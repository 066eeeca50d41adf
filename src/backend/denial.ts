/** What a run was refused, as backends tell it. */
import type { DenialRule } from '../api/denial.ts'

/** One destination that was refused. */
export interface Denial {
  readonly address: string
  /** Absent where the protocol has none. */
  readonly port?: number
  /** `tcp`, `udp`, `icmp`, or its number. */
  readonly protocol: string
  readonly rule: DenialRule
  /** Packets so far. */
  readonly count: number
  /** Milliseconds of the epoch, to about a second. */
  readonly firstAt: number
}

/** All that a run was refused. Bounded: a guest that tries all ports of all addresses fills no memory. */
export interface Denials {
  /** The first destinations, each once. */
  readonly known: readonly Denial[]
  /** Packets to destinations beyond those. */
  readonly others: number
}

/** Most destinations that are known of one run. */
export const mostDenials = 64

/** What makes a destination another than the next. */
export const denialKey = ({ rule, protocol, address, port }: Omit<Denial, 'count' | 'firstAt'>): string =>
  [rule, protocol, address, port ?? ''].join(' ')

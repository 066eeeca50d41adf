/** What a run was refused, as backends tell it. */
import type { DenialRule } from '../api/denial.ts'

/** One destination that was refused. */
export interface Denial {
  /** The name that was asked for, where it was one. */
  readonly host?: string
  /** Absent of a name that was not even looked up; else what it led to. */
  readonly address?: string
  /** Absent where the protocol has none. */
  readonly port?: number
  /** `tcp`, `udp`, `icmp`, or its number; `dns` for a name. */
  readonly protocol: string
  readonly rule: DenialRule
  /** Packets so far; of a name, questions. */
  readonly count: number
  /** Milliseconds of the epoch, to about a second. */
  readonly firstAt: number
}

/** All that a run was refused. Bounded: a guest that tries all ports of all addresses fills no memory. */
export interface Denials {
  /** The first destinations, each once. */
  readonly known: readonly Denial[]
  /** Packets to destinations beyond those, and questions for names beyond those. */
  readonly others: number
}

/** Most destinations that are known of one run, and most names. */
export const mostDenials = 64

/** What makes a destination another than the next. */
export const denialKey = ({ rule, protocol, address, port, host }: Omit<Denial, 'count' | 'firstAt'>): string =>
  [rule, protocol, address ?? '', port ?? '', ...(host === undefined ? [] : [host])].join(' ')

/** What one guest was refused by two who refuse: of each destinations, and packets or questions beyond them. */
export function together(one: Denials | undefined, other: Denials | undefined): Denials {
  const known = [...(one?.known ?? []), ...(other?.known ?? [])].toSorted((a, b) => a.firstAt - b.firstAt)
  return { known, others: (one?.others ?? 0) + (other?.others ?? 0) }
}

/** Requests without a valid key, counted for each address and minute. */
import { isIPv6 } from 'node:net'

/** Addresses that are remembered; the one that failed first goes when more come. */
const addressesKept = 10_000
const minuteMs = 60_000

interface Failures {
  count: number
  readonly since: number
}

export class Attempts {
  readonly #most: number
  readonly #failures = new Map<string, Failures>()

  /** `most`: those of one address in a minute, after which it is told to wait. */
  constructor(most: number) {
    this.#most = most
  }

  /** Counts one more; gives back how many seconds the address is to wait when they are too many. */
  fail(address: string, now: number): number | undefined {
    const who = networkOf(address)
    const failures = this.#current(who, now) ?? { count: 0, since: now }
    failures.count += 1
    if (failures.count === 1) {
      this.#failures.delete(who)
      if (this.#failures.size >= addressesKept) this.#failures.delete(this.#failures.keys().next().value ?? '')
      this.#failures.set(who, failures)
    }
    if (failures.count <= this.#most) return undefined
    return Math.max(1, Math.ceil((failures.since + minuteMs - now) / 1000))
  }

  #current(who: string, now: number): Failures | undefined {
    const failures = this.#failures.get(who)
    return failures && now - failures.since < minuteMs ? failures : undefined
  }
}

/** Whoever has an IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...(tail === undefined ? [] : zeros), ...right].slice(0, 4).join(':')
}

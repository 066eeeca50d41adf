/** The names of one guest's list: asked for where they are on it, opened, and then told; what is refused is noted. */
import type { DenialRule } from '../../api/denial.ts'
import { type Denial, denialKey, type Denials, mostDenials } from '../../backend/denial.ts'
import { abortable, DeadlineExceeded } from '../../base/time.ts'
import { isNamed } from './allow.ts'
import type { Answer } from './dnsquery.ts'
import { mostOpened, type Opened } from './opened.ts'

/** An address of a name, as name servers tell it. */
export interface Resolved {
  readonly address: string
  /** Seconds. */
  readonly ttl: number
}

export interface GuestNamesOptions {
  /** Of the list, in lower case; `*.example.org` is all below. */
  readonly names: readonly string[]
  /** What was noted before. */
  readonly denials?: Denials | undefined
  /** Asks the host's name servers. Rejects with the resolver's error (ENOTFOUND and so on). */
  readonly resolve: (name: string) => Promise<readonly Resolved[]>
  /** The rule that refuses an address, whatever is on the list. */
  readonly refusalOf: (address: string) => DenialRule | undefined
  /** Opens addresses in the firewall. */
  readonly open: (found: readonly Opened[]) => Promise<void>
  /** Something was refused: what is new, not only more of it. */
  readonly onDenied: (denial: Denial, isNew: boolean) => void
  /** An address could not be opened. */
  readonly onTrouble: (error: unknown) => void
  /** Seconds that an address stays open after its name's time: from an answer to a connection. */
  readonly graceS: number
}

/** However long a name may be kept, it is asked for again in so many seconds. */
const mostTtl = 3600
/** Addresses of one answer. */
const mostAddresses = 16
/** Questions of one guest that wait for an answer at once. */
const mostWaiting = 128
/** Names whose answer is kept until its time is over. */
const mostKept = 256

const nothing = { addresses: [], ttl: 0 } as const
const failed: Answer = { rcode: 'SERVFAIL', ...nothing }
const empty: Answer = { rcode: 'NOERROR', ...nothing }
/** Also where a name is refused: REFUSED is taken for a passing trouble, and asked again. */
const unknown: Answer = { rcode: 'NXDOMAIN', ...nothing }

export class GuestNames {
  readonly #o: GuestNamesOptions
  readonly #denied: Map<string, Denial>
  #others: number
  /** Answers that hold, with when they end; those asked for first, first. */
  readonly #kept = new Map<string, { answer: Answer; until: number }>()
  readonly #asking = new Map<string, Promise<Answer>>()
  /** Until when each address is open. */
  readonly #opened = new Map<string, number>()
  readonly #closed = new AbortController()
  #waiting = 0

  constructor(options: GuestNamesOptions) {
    this.#o = options
    this.#denied = new Map(options.denials?.known.map((denial) => [denialKey(denial), denial]))
    this.#others = options.denials?.others ?? 0
  }

  get denials(): Denials {
    return { known: [...this.#denied.values()], others: this.#others }
  }

  /** Never rejects. */
  async answer({ name, type }: { readonly name: string; readonly type: string }): Promise<Answer> {
    const host = name.toLowerCase()
    if (!isNamed(this.#o.names, host)) {
      this.#refuse({ host, rule: 'allow' }, type)
      return unknown
    }
    // Guests have no IPv6, and what else a name has leads nowhere by itself.
    if (type !== 'A') return empty
    const kept = this.#kept.get(host)
    // By the clock that nobody sets, as the firewall's own.
    const leftMs = (kept?.until ?? 0) - performance.now()
    if (kept && leftMs > 0) return { ...kept.answer, ttl: Math.floor(leftMs / 1000) }
    if (this.#waiting >= mostWaiting) {
      this.#refuse({ host, rule: 'limit' }, type)
      return failed
    }
    this.#waiting += 1
    try {
      return await this.#asked(host)
    } finally {
      this.#waiting -= 1
    }
  }

  /** Nothing is opened any more once this has resolved. */
  async close(): Promise<void> {
    this.#closed.abort(Object.assign(new Error('the guest is gone'), { code: 'ECANCELLED' }))
    await Promise.all(this.#asking.values())
  }

  /** One question at a time for each name, however often it is asked. */
  #asked(host: string): Promise<Answer> {
    const asking = this.#asking.get(host)
    if (asking) return asking
    const begun = this.#ask(host)
      .catch((error: unknown) => {
        this.#o.onTrouble(error)
        return failed
      })
      .finally(() => this.#asking.delete(host))
    this.#asking.set(host, begun)
    return begun
  }

  async #ask(host: string): Promise<Answer> {
    const found = await abortable(this.#o.resolve(host), this.#closed.signal).catch(codeOf)
    if (typeof found === 'string') return found === 'ENOTFOUND' ? unknown : found === 'ENODATA' ? empty : failed
    const open = found.filter(({ address }) => {
      const rule = this.#o.refusalOf(address)
      if (rule) this.#refuse({ host, address, rule })
      return rule === undefined
    })
    if (open.length === 0) return found.length > 0 ? unknown : empty
    return this.#open(host, open.slice(0, mostAddresses))
  }

  async #open(host: string, found: readonly Resolved[]): Promise<Answer> {
    const ttl = Math.min(mostTtl, ...found.map((each) => each.ttl))
    const addresses = [...new Set(found.map(({ address }) => address))]
    const now = performance.now()
    const seconds = ttl + this.#o.graceS
    const until = now + seconds * 1000
    for (const [address, end] of this.#opened) if (end < now) this.#opened.delete(address)
    if (this.#opened.size + addresses.length > mostOpened) {
      this.#refuse({ host, rule: 'limit' })
      return failed
    }
    if (this.#closed.signal.aborted) return failed
    // What another name keeps open for longer stays so.
    const later = addresses.filter((address) => (this.#opened.get(address) ?? 0) < until)
    if (later.length > 0) await this.#o.open(later.map((address) => ({ address, seconds })))
    for (const address of later) this.#opened.set(address, until)
    const answer: Answer = { rcode: 'NOERROR', addresses, ttl }
    this.#keep(host, { answer, until: now + ttl * 1000 })
    return answer
  }

  #keep(host: string, entry: { answer: Answer; until: number }): void {
    this.#kept.delete(host)
    this.#kept.set(host, entry)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest)
  }

  #refuse(what: Pick<Denial, 'host' | 'address' | 'rule'>, type = 'A'): void {
    const target = { ...what, protocol: 'dns' }
    const key = denialKey(target)
    const known = this.#denied.get(key)
    // Whoever looks a name up asks for both kinds of address at once, which is one try.
    if (known && type === 'AAAA') return
    const isNew = !known && this.#denied.size < mostDenials
    const denial: Denial = { ...target, count: 1 + (known?.count ?? 0), firstAt: known?.firstAt ?? Date.now() }
    if (known || isNew) this.#denied.set(key, denial)
    else this.#others += 1
    this.#o.onDenied(denial, isNew)
  }
}

/** How a name server's refusal is called; what is none of its is thrown. */
function codeOf(error: unknown): string {
  if (error instanceof DeadlineExceeded) return 'ETIMEOUT'
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  return code
}

/** What guests may reach, as one: the firewall, the name server that opens it for them, and the books of what they were refused. */
import { join } from 'node:path'
import { denialRules, type DenialRule } from '../../api/denial.ts'
import type { Firewall } from '../../api/firewall.ts'
import { type Denials, together } from '../../backend/denial.ts'
import type { Facts } from '../../base/facts.ts'
import { textIn } from '../../base/files.ts'
import type { Scope } from '../../base/scope.ts'
import { GuestRules, type GuestRulesOptions } from './guests.ts'
import { NameServer } from './nameserver.ts'
import type { GuestRule } from './rules.ts'
import { type RefusalBook, RefusalBooks } from './watch.ts'

/** What networks state. */
export interface NetworkFacts {
  /** What guests were refused cannot be read, from now on until it can again. */
  readonly 'denials.unread': { message: string }
  /** Somebody took the firewall's tables away; they were built anew, with so many guests. */
  readonly 'firewall.mended': { table: string; guests: number }
  /** Our name server could not open what a name led to, or not keep what it refused. */
  readonly 'nameserver.trouble': { message: string }
}

export interface EgressOptions {
  readonly rules: Omit<GuestRulesOptions, 'onMended' | 'onUnread'>
  /** Name servers that ours asks; the host's own when empty. */
  readonly servers: readonly string[]
  /** Seconds that an address stays open after its name's time. */
  readonly graceS?: number
  /** Milliseconds between looks at what guests were refused. */
  readonly lookMs: number
  readonly facts: Facts<NetworkFacts>
}

export class Egress {
  readonly rules: GuestRules
  readonly #gateway: string
  readonly #names: NameServer
  readonly #books: RefusalBooks

  constructor({ rules, servers, graceS, lookMs, facts }: EgressOptions) {
    const onMended = (guests: number) => facts.emit('firewall.mended', { table: this.rules.table, guests })
    const onUnread = (error: unknown) => facts.emit('denials.unread', { message: String(error) })
    this.rules = new GuestRules({ ...rules, onMended, onUnread })
    this.#gateway = rules.gateway
    this.#names = new NameServer({
      ...{ host: rules.host, subnet: rules.subnet, servers, ...(graceS !== undefined && { graceS }) },
      open: (guest, found) => this.rules.open(guest, found),
      keep: (vmId, denials) => this.rules.keep(vmId, denials),
      onDenied: (guest, denial) => this.#books.note(guest, denial),
      onTrouble: (error) => facts.emit('nameserver.trouble', { message: String(error) }),
    })
    this.#books = new RefusalBooks({
      read: (address) => this.#denials(address),
      everyMs: lookMs,
      onTrouble: onUnread,
    })
  }

  /** Listens for names, and builds the tables; guests that are recorded are in both. */
  async install(): Promise<void> {
    await this.rules.install(await this.#names.listen(this.#gateway))
    for (const [vmId, guest] of await this.rules.all()) this.#name(vmId, guest)
  }

  /** Lets a guest in. Resolves with the rules that it is under. */
  async admit(vmId: string, rule: GuestRule, signal: AbortSignal): Promise<Firewall> {
    const firewall = await this.rules.admit(vmId, rule, signal)
    this.#name(vmId, rule)
    return firewall
  }

  /** Takes the guest out; safe twice and when it was never in. */
  async expel(vmId: string): Promise<void> {
    await this.#names.expel(vmId)
    await this.rules.expel(vmId)
  }

  /** Packets, and questions for names, that each rule has refused. */
  async refused(): Promise<Readonly<Record<DenialRule, number>>> {
    const [packets, names] = [await this.rules.counts(), this.#names.counts()]
    return Object.fromEntries(denialRules.map((rule) => [rule, packets[rule] + names[rule]])) as typeof packets
  }

  /**
   * What a vm is refused, from now until the scope is closed; undefined where it is not in. `isNew`: it was refused nothing
   * yet, so that as long as it sends nothing no book need be read.
   */
  async watch(scope: Scope, vmId: string, o: { isNew?: boolean }): Promise<RefusalBook | undefined> {
    const rule = await this.rules.ruleOf(vmId)
    if (!rule) return undefined
    const sent = () => textIn(join('/sys/class/net', rule.port, 'statistics', 'rx_packets'))
    const book = await this.#books.watch(rule.address, { sent, isNew: o.isNew ?? false })
    scope.defer('close the book', async () => book.close())
    return book
  }

  /** Answers no more names; what the tables say holds. */
  close(): Promise<void> {
    return this.#names.close()
  }

  #name(vmId: string, { mode, address, names, denials }: GuestRule & { denials?: Denials }): void {
    if (mode === 'listed') this.#names.admit({ vmId, address, names, denials })
  }

  async #denials(address?: string): Promise<ReadonlyMap<string, Denials>> {
    const [packets, names] = [await this.rules.denials(address), this.#names.denials(address)]
    return new Map([...packets].map(([each, denials]) => [each, together(denials, names.get(each))]))
  }
}

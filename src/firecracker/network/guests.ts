/** The firewall as it is on the host: scripts handed to nft, and on disk a record of each guest that is in it. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DenialRule } from '../../api/denial.ts'
import type { Firewall } from '../../api/firewall.ts'
import type { Denials } from '../../backend/denial.ts'
import { exists, namesIn, textIn, writeAtomic } from '../../base/files.ts'
import { bookOf, denialsOf, entriesOf } from './books.ts'
import { strayElements } from './elements.ts'
import type { Host } from './host.ts'
import type { Ports } from './nameserver.ts'
import { isAbsent, Nft, nothing, orNothing } from './nft.ts'
import { type Opened, openedOf, openScript } from './opened.ts'
import {
  admitScript,
  countsOf,
  expelScript,
  type GuestRule,
  installScript,
  removeScript,
  type TableOptions,
  tableOf,
} from './rules.ts'
import { fileThing, type Thing } from './things.ts'
import { firewallOf } from './told.ts'

export interface GuestRulesOptions extends Omit<TableOptions, 'ports'> {
  /** Of the records. */
  readonly folder: string
  readonly host: Host
  /** Told when tables that somebody took away were built anew, with how many guests. */
  readonly onMended: (guests: number) => void
  /** Told why what guests were refused, and what their names opened, cannot be read: it is forgotten. */
  readonly onUnread: (error: unknown) => void
}

/** What is on disk of a guest. */
export interface GuestRecord extends GuestRule {
  /** Names that it was refused; what else it was, the firewall knows. */
  readonly denials?: Denials
}

/** Each has a table of ours. */
const families = ['bridge', 'inet'] as const
const suffix = '.json'
/** Where elements of guests are. */
const guestSets = [
  ['set', 'bridge', 'ports'],
  ['set', 'bridge', 'guests'],
  ['set', 'inet', 'ports'],
  ['map', 'inet', 'guests'],
  ['set', 'inet', 'listed'],
  ['set', 'inet', 'allowed'],
] as const

export class GuestRules {
  readonly #o: GuestRulesOptions
  readonly #nft: Nft
  #ports: Ports | undefined
  /** Nobody is let in meanwhile, so that no element is both found to be nobody's and a new guest's. */
  #sweeping: Promise<void> = Promise.resolve()
  #mending: Promise<void> | undefined

  constructor(options: GuestRulesOptions) {
    this.#o = options
    this.#nft = new Nft(options.host)
  }

  /** Name of our tables, in the families inet and bridge. */
  get table(): string {
    return tableOf(this.#o.instance)
  }

  /** Builds the tables anew with the recorded guests, what their books said and their names opened, in one transaction. */
  async install(ports: Ports): Promise<void> {
    const sets = await orNothing(() => this.#nft.list('sets', 'table', 'inet', this.table)).catch((error: unknown) => {
      // Guests are held to their rules all the same; their names open anew what they are asked for.
      this.#o.onUnread(error)
      return nothing
    })
    const [books, opened] = [entriesOf(sets), openedOf(sets)]
    const known = [...(await this.all()).values()].map((guest) => ({
      ...guest,
      book: books.get(guest.address),
      opened: opened.get(guest.address),
    }))
    this.#ports = ports
    await this.#nft.apply(installScript(this.#tableOptions(), known))
  }

  #tableOptions(): TableOptions {
    if (!this.#ports) throw new Error(`the firewall's tables ${this.table} are not built yet`)
    return { ...this.#o, ports: this.#ports }
  }

  /** Removes the tables. */
  async remove(): Promise<void> {
    // Nobody builds them anew behind this.
    this.#ports = undefined
    await this.#mending
    await this.#nft.apply(removeScript(this.#o.instance))
  }

  /** Lets a guest in; one that is in, by another rule from then on. Resolves with the rules that it is under now. */
  async admit(vmId: string, rule: GuestRule, signal: AbortSignal): Promise<Firewall> {
    await this.#sweeping
    let before: GuestRule | undefined = await this.#record(vmId)
    // The record comes first: what it says can be taken back, whether or not the transaction was made.
    await writeAtomic(this.#file(vmId), JSON.stringify(rule), 0o600)
    const { instance } = this.#o
    await this.#surely(() => {
      const script = (before ? expelScript(instance, before) : '') + admitScript(instance, rule)
      // Tables that had to be built anew have it by its record.
      before = rule
      return this.#nft.apply(script, signal)
    })
    return firewallOf(this.#tableOptions(), rule)
  }

  /** The rules of a guest that is in; those of now, where the tables were built anew since it was let in. */
  async firewallOf(vmId: string): Promise<Firewall | undefined> {
    const rule = await this.#record(vmId)
    return rule && firewallOf(this.#tableOptions(), rule)
  }

  /** Opens addresses that names of a guest's list led to. */
  async open(address: string, found: readonly Opened[]): Promise<void> {
    await this.#surely(() => this.#nft.apply(openScript(this.table, address, found)))
  }

  /** Keeps the names that a guest was refused, for the next server; nothing where it is not in. */
  async keep(vmId: string, denials: Denials): Promise<void> {
    const record = await this.#record(vmId)
    if (record) await writeAtomic(this.#file(vmId), JSON.stringify({ ...record, denials }), 0o600)
  }

  /** Takes the guest out; safe twice and when it was never in. */
  async expel(vmId: string): Promise<void> {
    const rule = await this.#record(vmId)
    if (!rule) return
    await this.#surely(() => this.#nft.apply(expelScript(this.#o.instance, rule)))
    await rm(this.#file(vmId), { force: true })
  }

  /** Ids of the recorded guests. */
  async list(): Promise<string[]> {
    const files = await namesIn(this.#o.folder)
    return files.filter((file) => file.endsWith(suffix)).map((file) => file.slice(0, -suffix.length))
  }

  /** The rule of a guest that is in. */
  async ruleOf(vmId: string): Promise<GuestRule | undefined> {
    return this.#record(vmId)
  }

  /** What each guest was refused, by its address; with one, that guest alone. */
  async denials(address?: string): Promise<ReadonlyMap<string, Denials>> {
    const which = address === undefined ? ['sets', 'table'] : ['set']
    const book = address === undefined ? [] : [bookOf(address)]
    const list = () => this.#nft.list(...which, 'inet', this.table, ...book)
    return denialsOf(await this.#surely(list), Date.now())
  }

  /** Packets that each rule has refused since the tables were built. */
  async counts(): Promise<Readonly<Record<DenialRule, number>>> {
    return countsOf(await this.#surely(() => this.#nft.list('counters', 'table', 'inet', this.table)))
  }

  async has(vmId: string): Promise<boolean> {
    return exists(this.#file(vmId))
  }

  /** The recorded guests by the ids of their vms. */
  async all(): Promise<ReadonlyMap<string, GuestRecord>> {
    const vmIds = await this.list()
    const rules = await Promise.all(vmIds.map((vmId) => this.#record(vmId)))
    return new Map(vmIds.flatMap((vmId, at) => (rules[at] ? [[vmId, rules[at]]] : [])))
  }

  /** Records of guests, and elements that have none. */
  async things(): Promise<Thing[]> {
    const why = `a guest of the firewall's table ${this.table}`
    const records = (await this.list()).map((vmId) => fileThing(this.#file(vmId), { kind: 'guest_rule', why, vmId }))
    const stray = (await this.#strays()).map((name): Thing => {
      const remove = () => this.#removeStray(name)
      return { kind: 'guest_rule', name, why: `in the firewall's table ${this.table}, for no recorded guest`, remove }
    })
    return [...(await Promise.all(records)).flat(), ...stray]
  }

  /** An element is there only while its record is, so records of before and after tell whose each is. */
  async #strays(): Promise<string[]> {
    const before = await this.all()
    // Not the tables as a whole, which hold what guests' names opened and what they were refused.
    const listed = ([kind, family, name]: (typeof guestSets)[number]) =>
      orNothing(() => this.#surely(() => this.#nft.list(kind, family, this.table, name)))
    const answers = await Promise.all(guestSets.map(listed))
    return strayElements(answers, [...before.values(), ...(await this.all()).values()])
  }

  async #removeStray(element: string): Promise<void> {
    const removing = this.#sweeping.then(async () => {
      if ((await this.#strays()).includes(element)) await this.#nft.apply(`add ${element}\ndelete ${element}\n`)
    })
    this.#sweeping = removing.catch(() => undefined)
    await removing
  }

  /**
   * Does what needs the tables. Where somebody took them away, as `nft flush ruleset` and a reload of many a distribution's own
   * firewall do, they are built anew first: guests that live are held to their rules again, and others can start.
   */
  async #surely<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      if (!isAbsent(error)) throw error
      // Another may have mended them since.
      await this.#mend()
      return act()
    }
  }

  /** One at a time. */
  async #mend(): Promise<void> {
    this.#mending ??= this.#buildMissing().finally(() => (this.#mending = undefined))
    await this.#mending
  }

  async #buildMissing(): Promise<void> {
    const ours = (await this.#nft.tables()).filter((name) => name === this.table)
    // Those of a server that is not ready, or that is gone, are not ours to build.
    if (!this.#ports || ours.length === families.length) return
    await this.install(this.#ports)
    this.#o.onMended((await this.list()).length)
  }

  async #record(vmId: string): Promise<GuestRecord | undefined> {
    const text = await textIn(this.#file(vmId))
    // A server of before names were opened one by one has written none.
    return text === undefined ? undefined : { names: [], ...(JSON.parse(text) as Omit<GuestRecord, 'names'>) }
  }

  #file(vmId: string): string {
    return join(this.#o.folder, `${vmId}${suffix}`)
  }
}

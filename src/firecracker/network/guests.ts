/** The firewall as it is on the host: scripts handed to nft, and on disk a record of each guest that is in it. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DenialRule } from '../../api/denial.ts'
import type { Firewall } from '../../api/firewall.ts'
import type { Denials } from '../../backend/denial.ts'
import { exists, namesIn, textIn, writeAtomic } from '../../base/files.ts'
import { CommandFailed } from '../../base/process.ts'
import { bookOf, denialsOf, entriesOf } from './books.ts'
import { strayElements } from './elements.ts'
import type { Host } from './host.ts'
import type { Ports } from './nameserver.ts'
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
}

/** What is on disk of a guest. */
export interface GuestRecord extends GuestRule {
  /** Names that it was refused; what else it was, the firewall knows. */
  readonly denials?: Denials
}

const suffix = '.json'
const timeoutMs = 20_000

export class GuestRules {
  readonly #o: GuestRulesOptions
  #ports: Ports | undefined
  /** Nobody is let in meanwhile, so that no element is both found to be nobody's and a new guest's. */
  #sweeping: Promise<void> = Promise.resolve()

  constructor(options: GuestRulesOptions) {
    this.#o = options
  }

  /** Name of our tables, in the families inet and bridge. */
  get table(): string {
    return tableOf(this.#o.instance)
  }

  /** Builds the tables anew with the recorded guests, what their books said and their names opened, in one transaction. */
  async install(ports: Ports): Promise<void> {
    const sets = await this.#tables('list', 'sets', 'table', 'inet', this.table)
    const [books, opened] = [entriesOf(sets), openedOf(sets)]
    const known = [...(await this.all()).values()].map((guest) => ({
      ...guest,
      book: books.get(guest.address),
      opened: opened.get(guest.address),
    }))
    this.#ports = ports
    await this.#apply(installScript(this.#tableOptions(), known))
  }

  #tableOptions(): TableOptions {
    if (!this.#ports) throw new Error(`the firewall's tables ${this.table} are not built yet`)
    return { ...this.#o, ports: this.#ports }
  }

  /** Removes the tables. */
  async remove(): Promise<void> {
    await this.#apply(removeScript(this.#o.instance))
  }

  /** Lets a guest in; one that is in, by another rule from then on. Resolves with the rules that it is under now. */
  async admit(vmId: string, rule: GuestRule, signal: AbortSignal): Promise<Firewall> {
    await this.#sweeping
    const before = await this.#record(vmId)
    // The record comes first: what it says can be taken back, whether or not the transaction was made.
    await writeAtomic(this.#file(vmId), JSON.stringify(rule), 0o600)
    const { instance } = this.#o
    await this.#apply((before ? expelScript(instance, before) : '') + admitScript(instance, rule), signal)
    return firewallOf(this.#tableOptions(), rule)
  }

  /** The rules of a guest that is in; those of now, where the tables were built anew since it was let in. */
  async firewallOf(vmId: string): Promise<Firewall | undefined> {
    const rule = await this.#record(vmId)
    return rule && firewallOf(this.#tableOptions(), rule)
  }

  /** Opens addresses that names of a guest's list led to. */
  async open(address: string, found: readonly Opened[]): Promise<void> {
    await this.#apply(openScript(this.table, address, found))
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
    await this.#apply(expelScript(this.#o.instance, rule))
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
    return denialsOf(await this.#nftJson('list', ...which, 'inet', this.table, ...book), Date.now())
  }

  /** Packets that each rule has refused since the tables were built. */
  async counts(): Promise<Readonly<Record<DenialRule, number>>> {
    return countsOf(await this.#nftJson('list', 'counters', 'table', 'inet', this.table))
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
    const families = ['bridge', 'inet'] as const
    const answers = await Promise.all(families.map((family) => this.#tables('list', 'table', family, this.table)))
    return strayElements(answers, [...before.values(), ...(await this.all()).values()])
  }

  async #removeStray(element: string): Promise<void> {
    const removing = this.#sweeping.then(async () => {
      if ((await this.#strays()).includes(element)) await this.#apply(`add ${element}\ndelete ${element}\n`)
    })
    this.#sweeping = removing.catch(() => undefined)
    await removing
  }

  /** Nothing where there is no such table: not installed, or taken away. */
  async #tables(...words: string[]): Promise<string> {
    try {
      return await this.#nftJson(...words)
    } catch (error) {
      if (error instanceof CommandFailed && error.stderr.includes('No such file')) return '{"nftables":[]}'
      throw error
    }
  }

  async #nftJson(...words: string[]): Promise<string> {
    return (await this.#o.host.run(['nft', '-j', ...words], { timeoutMs })).stdout
  }

  async #apply(script: string, signal?: AbortSignal): Promise<void> {
    await this.#o.host.run(['nft', '-f', '-'], { input: script, timeoutMs, ...(signal ? { signal } : {}) })
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

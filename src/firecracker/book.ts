/**
 * The book of vms: whose each is. An entry is written before the first thing of its vm is made and struck off after the
 * last is gone, by whichever server that is; every name of those things follows from the id that it is kept under.
 */
import { randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import type { KillReason } from '../backend/backend.ts'
import { exists, isMissing, namesIn, textIn } from '../base/files.ts'
import type { Scope } from '../base/scope.ts'
import { allCgroupsOf, isOurs, jailsOf, namesOf, type Places } from './names.ts'
import type { Uids } from './uids.ts'

/** What a vm is made for. */
export type Owner = { readonly kind: 'run'; readonly id: string } | { readonly kind: 'template' | 'pool' | 'unknown' }

export interface Entry {
  /** User and group of the vm on the host. */
  readonly uid: number
  readonly owner: Owner
  /** The run that has it, alone and to its end; absent before it was given to one. */
  readonly run?: string
  /** When it was given to that run, in milliseconds since the host was started: by a clock that nobody sets. */
  readonly givenAt?: number
  /** What its run is being killed for: whoever sees the end has to tell it. */
  readonly killed?: KillReason
  /** When it was entered, in milliseconds of the epoch. */
  readonly since: number
}

export interface BookOptions {
  readonly places: Places
  /** Of the entries; on a tmpfs, so that a reboot forgets them with the vms. */
  readonly folder: string
  readonly uids: Uids
  /** Whether the network still has anything of a vm. */
  readonly isNetworked: (vmId: string) => Promise<boolean>
}

/** Those that are held are being made, serve or are taken down here and now: whoever tidies up leaves them alone. */
export class Book {
  readonly #o: BookOptions
  readonly #entries = new Map<string, Entry>()
  readonly #held = new Set<string>()

  private constructor(options: BookOptions) {
    this.#o = options
  }

  /** Reads what the server before has written. Jails that it says nothing of, as after a reboot, are entered as nobody's. */
  static async open(options: BookOptions): Promise<Book> {
    const { folder, places, uids } = options
    const book = new Book(options)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await namesIn(folder)) {
      const entry = isOurs(places, name) ? parse(await textIn(join(folder, name))) : undefined
      if (entry) book.#entries.set(name, entry)
      // Cut short while it was written: nothing had been made yet.
      else await rm(join(folder, name), { force: true })
    }
    for (const vmId of await namesIn(jailsOf(places))) {
      if (!isOurs(places, vmId) || book.#entries.has(vmId)) continue
      const uid = await ownerOf(namesOf(places, vmId).root)
      if (uid !== undefined) book.#write(vmId, { uid, owner: { kind: 'unknown' }, since: Date.now() })
    }
    for (const { uid } of book.#entries.values()) uids.hold(uid)
    return book
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries
  }

  get held(): ReadonlySet<string> {
    return this.#held
  }

  /** A new id with a uid of its own, held for as long as the scope is open: enter it before anything of its vm is made. */
  async enter(scope: Scope, owner: Owner): Promise<string> {
    const vmId = `${this.#o.places.instance}-${randomBytes(6).toString('hex')}`
    scope.defer('strike it off the book', () => this.#leave(vmId))
    this.#held.add(vmId)
    try {
      this.#write(vmId, { uid: this.#o.uids.take(), owner, since: Date.now() })
      return vmId
    } catch (error) {
      await this.#leave(vmId)
      throw error
    }
  }

  /** Holds a vm that lives already. */
  adopt(scope: Scope, vmId: string): void {
    scope.defer('strike it off the book', () => this.#leave(vmId))
    this.#held.add(vmId)
  }

  /** For a vm that lives on without us. */
  forget(vmId: string): void {
    this.#held.delete(vmId)
  }

  /** User of a vm that was entered. */
  uidOf(vmId: string): number {
    const entry = this.#entries.get(vmId)
    if (!entry) throw new Error(`${vmId} is not in the book`)
    return entry.uid
  }

  /** Gives a vm to a run, before its program gets there: the run's vm is found by it later. Once, and never to another. */
  async give(vmId: string, run: string): Promise<void> {
    const entry = this.#entries.get(vmId)
    if (!entry || entry.run !== undefined) throw new Error(`${vmId} is not to be given: ${whoseIs(entry)}`)
    this.#write(vmId, { ...entry, run, givenAt: uptimeMs() })
  }

  /** Notes why a vm's run is killed, before it is: the server may end before the program does. */
  async noteKill(vmId: string, killed: KillReason): Promise<void> {
    const entry = this.#entries.get(vmId)
    if (entry) this.#write(vmId, { ...entry, killed })
  }

  /** What a vm's run was being killed for when its server ended. */
  killedFor(vmId: string): KillReason | undefined {
    return this.#entries.get(vmId)?.killed
  }

  /** For how long a vm has been its run's, in milliseconds; Infinity where that was not noted. */
  heldMs(vmId: string): number {
    const { givenAt } = this.#entries.get(vmId) ?? {}
    return givenAt === undefined ? Infinity : uptimeMs() - givenAt
  }

  /** The vm that was given to a run. */
  vmOf(run: string): string | undefined {
    for (const [vmId, entry] of this.#entries) if (entry.run === run) return vmId
    return undefined
  }

  /** Nothing of the vm is left: only now may another have its uid. */
  async strike(vmId: string): Promise<void> {
    await rm(join(this.#o.folder, vmId), { force: true })
    const entry = this.#entries.get(vmId)
    this.#entries.delete(vmId)
    if (entry) this.#o.uids.free(entry.uid)
  }

  /** With anything left of it, it stays in the book, as a leftover whose owner and uid are known. */
  async #leave(vmId: string): Promise<void> {
    try {
      if (!(await this.#isThere(vmId))) await this.strike(vmId)
    } finally {
      this.#held.delete(vmId)
    }
  }

  async #isThere(vmId: string): Promise<boolean> {
    const { places, isNetworked } = this.#o
    const folders = [namesOf(places, vmId).jail, ...allCgroupsOf(places).map((folder) => join(folder, vmId))]
    const found = await Promise.all([isNetworked(vmId), ...folders.map(exists)])
    return found.includes(true)
  }

  /** On a tmpfs: to hand each step to another thread, and wait for it, would take longer than all of them. */
  #write(vmId: string, entry: Entry): void {
    this.#entries.set(vmId, entry)
    const path = join(this.#o.folder, vmId)
    const temporary = `${path}.new`
    try {
      writeFileSync(temporary, JSON.stringify(entry), { mode: 0o600 })
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  }
}

const uptimeMs = (): number => Math.round(uptime() * 1000)

/** In words, for people. */
export function whoseIs(entry: Entry | undefined): string {
  if (entry?.run !== undefined) return `run ${entry.run}`
  if (entry?.owner.kind === 'run') return `run ${entry.owner.id}`
  return entry?.owner.kind ?? 'unknown'
}

function parse(text: string | undefined): Entry | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Entry)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The folder of its sockets is of its group, whose number is its user's; a jail that has none yet has nothing of that user. */
async function ownerOf(root: string): Promise<number | undefined> {
  try {
    return (await stat(join(root, 'run'))).gid
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

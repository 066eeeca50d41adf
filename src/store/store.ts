/** What must outlive the process: $VULCAN_HOME/vulcan.db. Every statement is in this room. */
import { join } from 'node:path'
import { Kysely } from 'kysely'
import * as claims from './claim.ts'
import { Commits, type Change, type Db, type Timing, type Trx } from './commits.ts'
import * as keys from './keys.ts'
import * as leases from './leases.ts'
import { migrate } from './migrations.ts'
import * as past from './past.ts'
import type { Claimed, Stored } from './rows.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteDialect, openSqlite, storeFailed } from './sqlite.ts'
import * as workloads from './workloads.ts'

export class Store implements AsyncDisposable {
  readonly #db: Db
  readonly #commits: Commits

  private constructor(db: Db) {
    this.#db = db
    this.#commits = new Commits(db)
  }

  /** Opens or makes the store and brings its schema up to date. Throws store_failed. */
  static async open(home: string): Promise<Store> {
    const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(openSqlite(join(home, 'vulcan.db'))) })
    try {
      await migrate(db)
    } catch (error) {
      await db.destroy()
      throw error
    }
    return new Store(db)
  }

  /** Once it resolves the workload is on the disk; with a use of its idempotency key, or a quota, nothing was kept. */
  insert(one: workloads.NewWorkload): Promise<workloads.Used | keys.Exceeded | undefined> {
    return this.#change('keeping a workload', (trx) => workloads.insert(trx, one))
  }

  /** Claims what there is room for, up to `most`, also of what goes to the disk with it. */
  claim(o: claims.Claim, timing: Pick<Timing, 'patient'> = {}): Promise<Claimed[]> {
    return this.#change('claiming workloads', (trx) => claims.claim(trx, o), { ...timing, last: true })
  }

  load(o: { node: string; overheadMib: number }): Promise<leases.Load> {
    return leases.loadOf(this.#db, o)
  }

  renew(node: string, until: number): Promise<void> {
    return this.#change('renewing leases', (trx) => leases.renew(trx, node, until))
  }

  takeOver(node: string, until: number): Promise<Claimed[]> {
    return this.#change('taking leases over', (trx) => leases.takeOver(trx, node, until))
  }

  reap(o: { node: string; now: number; leaseMs: number }): Promise<Claimed[]> {
    return this.#change('taking back leases', (trx) => leases.reap(trx, o))
  }

  /** Not at once: by the time of its commit there may be none to note, as the end that shares the commit says it too. */
  started(owned: leases.Owned, start: () => leases.Start | undefined): Promise<boolean> {
    const note = async (trx: Trx) => {
      const known = start()
      return known === undefined || leases.started(trx, owned, known)
    }
    return this.#change('noting a start', note, { patient: true })
  }

  giveBack(owned: leases.Owned): Promise<boolean> {
    return this.#change('giving back a workload', (trx) => leases.giveBack(trx, owned))
  }

  finish(owned: leases.Owned, end: leases.End): Promise<boolean> {
    return this.#change('noting an end', (trx) => leases.finish(trx, owned, end))
  }

  cancel(id: string, end: leases.Ended): Promise<boolean> {
    return this.#change('noting an end', (trx) => leases.cancel(trx, id, end))
  }

  usedBefore(tenant: string, key: string): Promise<workloads.Used | undefined> {
    return workloads.usedBefore(this.#db, tenant, key)
  }

  find(id: string): Promise<Stored | undefined> {
    return workloads.find(this.#db, id)
  }

  /** What its program gave, as `finish` was told; undefined before the end, and where no program ran. */
  given(id: string): Promise<string | undefined> {
    return workloads.given(this.#db, id)
  }

  /** Sees every start and end that anybody was told of. */
  async list(filter: workloads.Filter): Promise<Stored[]> {
    await this.#commits.made()
    return workloads.list(this.#db, filter)
  }

  countWaiting(): Promise<number> {
    return workloads.countWaiting(this.#db)
  }

  countBefore(one: Pick<Stored, 'id' | 'priority'>): Promise<number> {
    return workloads.countBefore(this.#db, one)
  }

  async countByStatus(): ReturnType<typeof workloads.countByStatus> {
    await this.#commits.made()
    return workloads.countByStatus(this.#db)
  }

  /** Ids of what has not ended. */
  unfinished(): Promise<string[]> {
    return workloads.unfinished(this.#db)
  }

  known(ids: readonly string[]): Promise<Set<string>> {
    return workloads.known(this.#db, ids)
  }

  newestOutdated(bounds: past.Bounds): Promise<past.Ended | undefined> {
    return past.newestOutdated(this.#db, bounds)
  }

  oldest(upTo: past.Ended, limit: number): Promise<string[]> {
    return past.oldest(this.#db, upTo, limit)
  }

  remove(ids: readonly string[]): Promise<void> {
    return this.#change('forgetting workloads', (trx) => past.remove(trx, ids))
  }

  freeKeys(before: number, limit: number): Promise<number> {
    return this.#change('freeing idempotency keys', (trx) => past.freeKeys(trx, before, limit))
  }

  insertKey(key: keys.FreshKey): Promise<void> {
    return this.#change('keeping a key', (trx) => keys.insertKey(trx, key))
  }

  keyByHash(hash: string): Promise<keys.StoredKey | undefined> {
    return keys.keyByHash(this.#db, hash)
  }

  keys(): Promise<keys.StoredKey[]> {
    return keys.listKeys(this.#db)
  }

  revokeKey(id: string, at: number): Promise<keys.StoredKey | undefined> {
    return this.#change('revoking a key', (trx) => keys.revokeKey(trx, id, at))
  }

  noteUse(id: string, at: number): Promise<void> {
    return this.#change('noting the use of a key', (trx) => keys.noteUse(trx, id, at))
  }

  exceeded(tenant: string, now: number): Promise<keys.Exceeded | undefined> {
    return keys.exceeded(this.#db, tenant, now)
  }

  forgetSpent(before: number): Promise<void> {
    return this.#change('forgetting what was spent', (trx) => keys.forgetSpent(trx, before))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commits.idle()
    await this.#db.destroy()
  }

  async #change<T>(what: string, change: Change<T>, timing: Timing = {}): Promise<T> {
    try {
      return await this.#commits.change(change, timing)
    } catch (error) {
      throw storeFailed(what, error)
    }
  }
}

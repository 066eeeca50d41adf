/** What must outlive the process: $VULCAN_HOME/vulcan.db. Every statement is in this room. What fails here is store_failed. */
import { join } from 'node:path'
import { Kysely } from 'kysely'
import * as claims from './claim.ts'
import { Commits, type Change, type Db, type Timing, type Trx } from './commits.ts'
import { Disk, openLog } from './disk.ts'
import * as keys from './keys.ts'
import * as leases from './leases.ts'
import * as listing from './listing.ts'
import { migrate } from './migrations.ts'
import * as past from './past.ts'
import type { Claimed, Stored } from './rows.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteDialect, openSqlite, storeFailed } from './sqlite.ts'
import * as workloads from './workloads.ts'

export class Store implements AsyncDisposable {
  readonly #db: Db
  readonly #commits: Commits
  readonly #opened: AsyncDisposableStack

  /** On a database whose schema is up to date; `opened` closes it. */
  constructor(commits: Commits, { db, opened }: { db: Db; opened: AsyncDisposableStack }) {
    this.#db = db
    this.#commits = commits
    this.#opened = opened
  }

  /** Opens or makes the store and brings its schema up to date. Throws store_failed. */
  static async open(home: string): Promise<Store> {
    const path = join(home, 'vulcan.db')
    await using opened = new AsyncDisposableStack()
    const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(openSqlite(path)) })
    opened.defer(() => db.destroy())
    await migrate(db)
    const log = opened.use(await openLog(path))
    const disk = new Disk(() => log.datasync())
    await disk.synced()
    return new Store(new Commits(db, disk), { db, opened: opened.move() })
  }

  /** Once it resolves the workload is on the disk; with a use of its idempotency key, or a quota, nothing was kept. */
  insert(one: workloads.NewWorkload): Promise<workloads.Used | keys.Exceeded | undefined> {
    return this.#change('keeping a workload', (trx) => workloads.insert(trx, one))
  }

  /** Claims what there is room for, up to `most`, also of what goes to the disk with it. */
  claim(o: claims.Claim, timing: Pick<Timing, 'patient'> = {}): Promise<claims.Claims> {
    return this.#change('claiming workloads', (trx) => claims.claim(trx, o), { ...timing, last: true })
  }

  load(o: { node: string; overheadMib: number }): Promise<leases.Load> {
    return this.#read('reading the load', (db) => leases.loadOf(db, o))
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
    return this.#read('looking an idempotency key up', (db) => workloads.usedBefore(db, tenant, key))
  }

  find(id: string): Promise<Stored | undefined> {
    return this.#read('reading a workload', (db) => workloads.find(db, id))
  }

  /** What its program gave, as `finish` was told; undefined before the end, and where no program ran. */
  given(id: string): Promise<string | undefined> {
    return this.#read('reading what a workload gave', (db) => workloads.given(db, id))
  }

  /** What was asked for, as `insert` was told; undefined where that is not kept any more. */
  request(id: string): Promise<string | undefined> {
    return this.#read('reading what was asked for', (db) => workloads.request(db, id))
  }

  /** Sees every start and end that anybody was told of. */
  list(filter: listing.Filter): Promise<Stored[]> {
    return this.#read('listing workloads', async (db) => {
      await this.#commits.made()
      return listing.list(db, filter)
    })
  }

  countWaiting(): Promise<number> {
    return this.#read('counting what waits', (db) => workloads.countWaiting(db))
  }

  countBefore(one: Pick<Stored, 'id' | 'priority'>): Promise<number> {
    return this.#read('counting what waits', (db) => workloads.countBefore(db, one))
  }

  countByStatus(): ReturnType<typeof workloads.countByStatus> {
    return this.#read('counting workloads', async (db) => {
      await this.#commits.made()
      return workloads.countByStatus(db)
    })
  }

  /** Ids of what has not ended. */
  unfinished(): Promise<string[]> {
    return this.#read('reading what has not ended', (db) => workloads.unfinished(db))
  }

  known(ids: readonly string[]): Promise<Set<string>> {
    return this.#read('looking workloads up', (db) => workloads.known(db, ids))
  }

  newestOutdated(bounds: past.Bounds): Promise<past.Ended | undefined> {
    return this.#read('looking for what is outdated', (db) => past.newestOutdated(db, bounds))
  }

  countUpTo(last: past.Ended): Promise<number> {
    return this.#read('counting what is outdated', (db) => past.countUpTo(db, last))
  }

  oldest(upTo: past.Ended, limit: number): Promise<string[]> {
    return this.#read('looking for what is outdated', (db) => past.oldest(db, upTo, limit))
  }

  remove(ids: readonly string[]): Promise<void> {
    return this.#change('forgetting workloads', (trx) => past.remove(trx, ids))
  }

  ageOfKey(newer: number): Promise<number | undefined> {
    return this.#read('looking for old idempotency keys', (db) => past.ageOfKey(db, newer))
  }

  freeKeys(before: number, limit: number): Promise<number> {
    return this.#change('freeing idempotency keys', (trx) => past.freeKeys(trx, before, limit))
  }

  insertKey(key: keys.FreshKey): Promise<void> {
    return this.#change('keeping a key', (trx) => keys.insertKey(trx, key))
  }

  keyByHash(hash: string): Promise<keys.StoredKey | undefined> {
    return this.#read('looking a key up', (db) => keys.keyByHash(db, hash))
  }

  keys(): Promise<keys.StoredKey[]> {
    return this.#read('listing keys', (db) => keys.listKeys(db))
  }

  revokeKey(id: string, at: number): Promise<keys.StoredKey | undefined> {
    return this.#change('revoking a key', (trx) => keys.revokeKey(trx, id, at))
  }

  noteUse(id: string, at: number): Promise<void> {
    return this.#change('noting the use of a key', (trx) => keys.noteUse(trx, id, at))
  }

  exceeded(tenant: string, now: number): Promise<keys.Exceeded | undefined> {
    return this.#read('looking quotas up', (db) => keys.exceeded(db, tenant, now))
  }

  forgetSpent(before: number): Promise<void> {
    return this.#change('forgetting what was spent', (trx) => keys.forgetSpent(trx, before))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commits.idle()
    await this.#opened.disposeAsync()
  }

  async #read<T>(what: string, read: (db: Db) => Promise<T>): Promise<T> {
    try {
      return await read(this.#db)
    } catch (error) {
      throw storeFailed(what, error)
    }
  }

  async #change<T>(what: string, change: Change<T>, timing: Timing = {}): Promise<T> {
    try {
      return await this.#commits.change(change, timing)
    } catch (error) {
      throw storeFailed(what, error)
    }
  }
}

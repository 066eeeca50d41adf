/** Changes of one turn of the event loop share a commit, and all commits made while a sync is under way share the next one. */
import type { DatabaseConnection, Kysely, Transaction } from 'kysely'
import type { Disk } from './disk.ts'
import type { Schema } from './schema.ts'

export type Db = Kysely<Schema>
export type Trx = Transaction<Schema>
export type Change<T> = (trx: Trx) => Promise<T>

/** When a change is made, beside those that wait with it. */
export interface Timing {
  /** After all others of its commit, so that it sees what they did. */
  readonly last?: boolean
  /** It may wait a little for another to share a commit with: nobody is told of it, and a crash may lose it. */
  readonly patient?: boolean
}

/** Milliseconds that a patient change waits at most. */
const patienceMs = 20

const connections = new WeakMap<object, DatabaseConnection>()

/** The connection that a transaction has to itself until its end; undefined of what is none. */
export const connectionOf = (db: Db | Trx): DatabaseConnection | undefined => connections.get(db)

interface Waiting extends Timing {
  readonly change: Change<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export class Commits {
  readonly #db: Db
  readonly #disk: Disk
  #waiting: Waiting[] = []
  #busy: Promise<void> | undefined
  #patience: NodeJS.Timeout | undefined
  /** The newest that is on its way to the disk; who waits for it has waited for all before. */
  #synced: Promise<void> = Promise.resolve()

  constructor(db: Db, disk: Disk) {
    this.#db = db
    this.#disk = disk
  }

  /** Resolves with what the change gave once it is on the disk. One that fails undoes itself alone. */
  change<T>(change: Change<T>, timing: Timing = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.push({ ...timing, change, resolve: (value) => resolve(value as T), reject })
    if (timing.patient) this.#patience ??= setTimeout(() => this.#begin(), patienceMs)
    else this.#begin()
    return promise
  }

  /** Resolves when what was asked for before has been made, also what would have waited for company: reads see it. */
  async made(): Promise<void> {
    if (this.#waiting.length > 0) this.#begin()
    await this.#busy
  }

  /** Resolves when all that was asked for is on the disk or has failed. */
  async idle(): Promise<void> {
    if (this.#waiting.length > 0) this.#begin()
    while (this.#busy) await this.#busy
    await this.#synced
  }

  #begin(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
    this.#busy ??= this.#work()
  }

  async #work(): Promise<void> {
    do {
      // What is asked for in the same turn of the event loop goes together.
      await new Promise<void>((resolve) => setImmediate(resolve))
      const batch = this.#waiting
      this.#waiting = []
      await this.#together([...batch.filter(({ last }) => !last), ...batch.filter(({ last }) => last)])
    } while (this.#waiting.some(({ patient }) => !patient))
    // In the same turn as the last look at what waits, or what comes in between would wait for ever.
    this.#busy = undefined
    if (this.#waiting.length > 0) this.#patience ??= setTimeout(() => this.#begin(), patienceMs)
  }

  async #together(batch: readonly Waiting[]): Promise<void> {
    let values: unknown[]
    try {
      values = await this.#db.transaction().execute(async (trx) => {
        connections.set(trx, await trx.getExecutor().provideConnection((connection) => Promise.resolve(connection)))
        const given: unknown[] = []
        for (const { change } of batch) given.push(await change(trx))
        return given
      })
    } catch (error) {
      // The whole transaction is undone: each again on its own, so that only the one at fault fails.
      if (batch.length === 1) return batch[0]?.reject(error)
      for (const one of batch) await this.#together([one])
      return
    }
    this.#synced = this.#disk.synced().then(
      () => batch.forEach(({ resolve }, at) => resolve(values[at])),
      (error: unknown) => batch.forEach(({ reject }) => reject(error)),
    )
  }
}

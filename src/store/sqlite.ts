/** SQLite by node:sqlite under Kysely: a log that lasts, cached statements, transactional migrations. */
import { chmodSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SqliteAdapter, SqliteDialect, type DialectAdapter, type SqliteDatabase, type SqliteStatement } from 'kysely'
import { VulcanError } from '../api/errors.ts'
import { messageOf } from '../base/words.ts'

/**
 * WAL, synced by us before anybody is told of a commit (disk.ts) and by SQLite before the log is taken over into the file: what
 * was answered survives a power cut. The busy time is for another process that makes a backup or looks in; the server is the
 * only writer.
 */
const pragmas = [
  'journal_mode = wal',
  'synchronous = normal',
  'busy_timeout = 5000',
  'foreign_keys = on',
  // A WAL that a slow reader has let grow is cut back to this many bytes at the next checkpoint.
  'journal_size_limit = 67108864',
]

/** Opens the file, made where it is missing and readable by its owner only. Throws store_failed when it is damaged. */
export function openSqlite(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path)
    for (const pragma of pragmas) database.exec(`pragma ${pragma}`)
    chmodSync(path, 0o600)
    return database
  } catch (cause) {
    throw storeFailed(`opening ${path}`, cause)
  }
}

export function storeFailed(what: string, cause: unknown): VulcanError {
  return new VulcanError('store_failed', `${what}: ${messageOf(cause)}`, {
    step: 'store',
    hint: 'see that the disk is neither full nor read-only; a damaged store is replaced from a backup',
    cause,
  })
}

export class NodeSqliteDialect extends SqliteDialect {
  constructor(database: DatabaseSync) {
    super({ database: new Statements(database) })
  }

  override createAdapter(): DialectAdapter {
    return new TransactionalDdl()
  }
}

/** SQLite does roll back changes of the schema; Kysely's own adapter leaves a migration that failed half done. */
class TransactionalDdl extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Statements in use at once are few; what exceeds this was made for one odd listing. */
const statementsKept = 200

/** Prepares each text once: reads are twice as fast for it. */
class Statements implements SqliteDatabase {
  readonly #database: DatabaseSync
  readonly #known = new Map<string, SqliteStatement>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  prepare(sql: string): SqliteStatement {
    const known = this.#known.get(sql)
    if (known) return known
    const prepared = adapted(this.#database.prepare(sql))
    const fresh = sql === 'rollback' ? this.#ifOpen(prepared) : prepared
    if (this.#known.size >= statementsKept) this.#known.clear()
    this.#known.set(sql, fresh)
    return fresh
  }

  /** A disk that is full undoes a transaction by itself; a failure to do so again would be told in the place of the first. */
  #ifOpen(rollback: SqliteStatement): SqliteStatement {
    const nothing = { changes: 0, lastInsertRowid: 0 }
    return { ...rollback, run: (parameters) => (this.#database.isTransaction ? rollback.run(parameters) : nothing) }
  }

  close(): void {
    this.#known.clear()
    this.#database.close()
  }
}

function adapted(statement: StatementSync): SqliteStatement {
  const values = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[]
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  }
}

/** What statements say in the words of each dialect; all else is the same in SQLite and PostgreSQL. */
import { sql, SqliteAdapter, type RawBuilder } from 'kysely'
import type { Db, Trx } from './commits.ts'

/**
 * A column by which no index is to be looked for. SQLite's planner takes one that names the column, though it leads through all
 * that is kept of the past; a plus sign, which to PostgreSQL is no operator of texts, keeps it from that. PostgreSQL goes by what
 * it counted.
 */
export function unindexed<T extends string>(db: Db | Trx, column: string): RawBuilder<T> {
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
  return isSqlite ? sql<T>`+${sql.ref(column)}` : sql.ref<T>(column)
}

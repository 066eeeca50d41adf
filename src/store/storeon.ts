/** Stores of tests, on whatever database. */
import { Kysely, type Dialect } from 'kysely'
import { Commits } from './commits.ts'
import { Disk } from './disk.ts'
import { migrate } from './migrations.ts'
import type { Schema } from './schema.ts'
import { Store } from './store.ts'

/** A store that waits for no disk. Whose the database is closes it. */
export async function storeOn(dialect: Dialect): Promise<Store> {
  const db = new Kysely<Schema>({ dialect })
  await migrate(db)
  return new Store(new Commits(db, new Disk(() => Promise.resolve())), { db, opened: new AsyncDisposableStack() })
}

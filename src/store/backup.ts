/** A copy of the store as it was in one moment, made by a connection of its own while others write. */
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { VulcanError } from '../api/errors.ts'
import { exists, syncPath } from '../base/files.ts'
import { storeFailed } from './sqlite.ts'

/** SQLite's own -1 for this is not taken. */
const allPages = 2 ** 31 - 1

/**
 * Copies the store of a home to a new file, which is whole, on the disk and readable by its owner alone when this
 * resolves; with the ids of the workloads in it. Throws not_found where there is no store, and store_failed.
 */
export async function copyStore(home: string, path: string): Promise<string[]> {
  const from = join(home, 'vulcan.db')
  if (!(await exists(from))) {
    const hint = 'where the server lives in the machine, its store does too: vulcan up, then again'
    throw new VulcanError('not_found', `there is no store in ${home}`, { hint })
  }
  try {
    using source = new DatabaseSync(from, { readOnly: true, timeout: 5000 })
    // All pages in one step, off this thread: a copy in several begins anew whenever somebody else writes in between.
    await backup(source, path, { rate: allPages })
    await chmod(path, 0o600)
    const ids = checked(path)
    await syncPath(path)
    return ids
  } catch (cause) {
    throw storeFailed(`copying ${from}`, cause)
  }
}

/**
 * Takes out of a copy those of its workloads that its store has forgotten since it was made; gives back their ids. The output of such a workload may
 * have gone before it was copied too, and a record without it would say that there was none.
 */
export async function dropForgotten(home: string, path: string, ids: readonly string[]): Promise<string[]> {
  const from = join(home, 'vulcan.db')
  try {
    using source = new DatabaseSync(from, { readOnly: true, timeout: 5000 })
    const known = new Set(idsIn(source))
    const gone = ids.filter((id) => !known.has(id))
    if (gone.length === 0) return gone
    using copy = new DatabaseSync(path)
    copy.exec('pragma foreign_keys = on; begin')
    const drop = copy.prepare('delete from workloads where id = ?')
    for (const id of gone) drop.run(id)
    copy.exec('commit')
    await syncPath(path)
    return gone
  } catch (cause) {
    throw storeFailed(`leaving out of the copy what ${from} has forgotten`, cause)
  }
}

const idsIn = (store: DatabaseSync): string[] =>
  store
    .prepare('select id from workloads')
    .all()
    .map(({ id }) => String(id))

/** Looks the copy through, and makes it one file without a log beside it. */
function checked(path: string): string[] {
  using copy = new DatabaseSync(path)
  copy.exec('pragma journal_mode = delete')
  const found = copy.prepare('pragma quick_check').all()
  const verdict = String(found[0]?.['quick_check'])
  if (verdict !== 'ok') throw new Error(`the copy is damaged: ${verdict}`)
  return idsIn(copy)
}

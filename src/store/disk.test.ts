/** What was answered is on the disk. A sync here ends when the test says so. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Kysely, sql } from 'kysely'
import { expect, test } from 'vitest'
import { Commits } from './commits.ts'
import { Disk } from './disk.ts'
import type { Schema } from './schema.ts'
import { NodeSqliteDialect, openSqlite } from './sqlite.ts'

/** Commits on a disk that takes its time, and what was told so far. */
async function slowDisk() {
  await using made = new AsyncDisposableStack()
  const folder = made.use(await mkdtempDisposable(join(tmpdir(), 'vulcan-disk-')))
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(openSqlite(join(folder.path, 'vulcan.db'))) })
  made.defer(() => db.destroy())
  await sql`create table notes (name text)`.execute(db)
  const syncs: PromiseWithResolvers<void>[] = []
  const disk = new Disk(() => {
    const sync = Promise.withResolvers<void>()
    syncs.push(sync)
    return sync.promise
  })
  const commits = new Commits(db, disk)
  const told: string[] = []
  const note = (name: string) => {
    const change = commits.change(async (trx) => {
      await sql`insert into notes values (${name})`.execute(trx)
      return name
    })
    return change.then(
      (value) => told.push(value),
      (error: unknown) => told.push(`${name}: ${String(error)}`),
    )
  }
  const kept = async () =>
    (await sql<{ name: string }>`select name from notes`.execute(db)).rows.map(({ name }) => name)
  const opened = made.move()
  return { commits, syncs, told, note, kept, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Enough turns for whatever does not wait for the disk. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await turn()
}

test('a change is seen at once and told of when a sync that began after it has ended', async () => {
  await using disk = await slowDisk()
  void disk.note('first')
  await disk.commits.made()
  expect(await disk.kept()).toEqual(['first'])
  void disk.note('second')
  void disk.note('third')
  await settled()
  expect(await disk.kept()).toEqual(['first', 'second', 'third'])
  expect(disk.told).toEqual([])
  disk.syncs[0]?.resolve()
  await settled()
  expect(disk.told, 'the sync of the first began before the others were written').toEqual(['first'])
  disk.syncs[1]?.resolve()
  await disk.commits.idle()
  expect(disk.told).toEqual(['first', 'second', 'third'])
  expect(disk.syncs, 'one serves all that came while another was under way').toHaveLength(2)
})

test('after a sync that failed nothing is said to be kept, although the next one would not fail', async () => {
  await using disk = await slowDisk()
  void disk.note('first')
  await settled()
  disk.syncs[0]?.reject(new Error('EIO: i/o error, fdatasync'))
  await disk.commits.idle()
  void disk.note('second')
  await settled()
  expect(disk.syncs).toHaveLength(1)
  expect(disk.told).toEqual([
    'first: Error: EIO: i/o error, fdatasync',
    'second: Error: an earlier change did not get to the disk: the server has to be started anew',
  ])
})

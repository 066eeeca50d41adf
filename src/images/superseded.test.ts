import { link, mkdir, mkdtempDisposable, readdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lock } from '../base/lock.ts'
import { quiet } from '../base/progress.ts'
import { currentEntry, ensureEntry, type Making, type Workplace } from './shelf.ts'
import { currentPaths, findSuperseded, removeSuperseded } from './superseded.ts'

const nothing: ReadonlySet<string> = new Set()
const signal = new AbortController().signal

async function workplace() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-superseded-'))
  const at: Workplace = { home: folder.path, root: '/', progress: quiet, signal }
  const make = async (name: string, key: string, content = 'x'.repeat(5000)) => {
    const fill: Making['make'] = async (dir) => {
      await writeFile(join(dir, 'file'), content)
      return {}
    }
    return ensureEntry(at, { shelf: 'assets', name, key, inputs: key, title: name, make: fill })
  }
  return { at, home: folder.path, make, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

const namesOf = (found: readonly { folder: string }[]) => found.map(({ folder }) => folder)

test('entries that another one took the place of are found with what they take, and removed', async () => {
  await using place = await workplace()
  for (const key of ['1', '2', '3']) await place.make('kernel', key)
  await place.make('other', '1')
  expect(await currentPaths(place.home)).toEqual(['assets/kernel-3', 'assets/other-1'])
  const found = await findSuperseded(place.home, nothing)
  expect(namesOf(found)).toEqual(['kernel-1', 'kernel-2'])
  for (const entry of found) expect(entry.bytes).toBeGreaterThanOrEqual(5000)
  for (const entry of found) expect(await removeSuperseded(place.home, entry, { signal })).toBe(true)
  expect((await readdir(join(place.home, 'assets'))).sort()).toEqual(['current.json', 'kernel-3', 'other-1'])
  expect(await findSuperseded(place.home, nothing)).toEqual([])
})

test('what a running server holds stays, although it is not current', async () => {
  await using place = await workplace()
  for (const key of ['1', '2', '3']) await place.make('kernel', key)
  expect(namesOf(await findSuperseded(place.home, new Set(['assets/kernel-2'])))).toEqual(['kernel-1'])
})

test('an entry that became current again after it was found is not removed', async () => {
  await using place = await workplace()
  const one = await place.make('kernel', '1')
  await place.make('kernel', '2')
  const [found] = await findSuperseded(place.home, nothing)
  await place.make('kernel', '1')
  if (found) expect(await removeSuperseded(place.home, found, { signal })).toBe(false)
  expect(found).toBeDefined()
  expect(await currentEntry(join(place.home, 'assets'), 'kernel')).toEqual(one)
})

test('whoever makes an entry of that name is waited for', async () => {
  await using place = await workplace()
  await place.make('kernel', '1')
  await place.make('kernel', '2')
  const [found] = await findSuperseded(place.home, nothing)
  if (!found) throw new Error('nothing was found')
  const maker = await lock(join(place.home, 'assets', 'kernel'))
  const waits = Promise.withResolvers<void>()
  const removing = removeSuperseded(place.home, found, { signal, onWait: waits.resolve })
  await waits.promise
  expect((await stat(join(place.home, 'assets', found.folder))).isDirectory()).toBe(true)
  await maker[Symbol.asyncDispose]()
  expect(await removing).toBe(true)
})

test('two that remove the same: the second finds it gone', async () => {
  await using place = await workplace()
  await place.make('kernel', '1')
  await place.make('kernel', '2')
  const [found] = await findSuperseded(place.home, nothing)
  if (!found) throw new Error('nothing was found')
  const both = [1, 2].map(() => removeSuperseded(place.home, found, { signal }))
  expect((await Promise.all(both)).filter(Boolean)).toEqual([true])
})

test('what is being made, what has no marker and what is no folder are left alone', async () => {
  await using place = await workplace()
  await place.make('kernel', '1')
  const shelf = join(place.home, 'assets')
  await mkdir(join(shelf, '.kernel-0a'))
  await mkdir(join(shelf, 'somebodys'))
  await writeFile(join(shelf, 'notes'), '')
  expect(await findSuperseded(place.home, nothing)).toEqual([])
})

test('a file that another entry shares is not counted: its removal frees nothing', async () => {
  await using place = await workplace()
  const { dir } = await place.make('kernel', '1')
  const current = await place.make('kernel', '2')
  await link(join(dir, 'file'), join(current.dir, 'shared'))
  const [found] = await findSuperseded(place.home, nothing)
  const marker = (await stat(join(dir, 'COMPLETE'))).blocks * 512
  expect(found?.bytes).toBe(marker)
})

test('a home without shelves has nothing', async () => {
  await using place = await workplace()
  expect(await findSuperseded(place.home, nothing)).toEqual([])
})

import { mkdir, mkdtempDisposable, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { quiet } from '../base/progress.ts'
import { currentEntry, ensureEntry, forget, type Making, readEntry, verifyEntry, type Workplace } from './shelf.ts'

async function workplace() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-shelf-'))
  const at: Workplace = { home: folder.path, root: '/', progress: quiet, signal: new AbortController().signal }
  return { at, shelf: join(folder.path, 'assets'), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

function making(content: string, overrides: Partial<Making> = {}): Making & { made: () => number } {
  let count = 0
  const make: Making['make'] = async (dir) => {
    count += 1
    await mkdir(join(dir, 'sub'))
    await writeFile(join(dir, 'sub/file'), content)
    return { version: content }
  }
  return {
    shelf: 'assets',
    name: 'thing',
    key: '1',
    inputs: 'a',
    title: 'thing',
    make,
    ...overrides,
    made: () => count,
  }
}

test('an entry is made once, found again without its maker, and has its files in the marker', async () => {
  await using place = await workplace()
  const thing = making('hello')
  const entry = await ensureEntry(place.at, thing)
  expect(await ensureEntry(place.at, thing)).toEqual(entry)
  expect(thing.made()).toBe(1)
  expect(await currentEntry(place.shelf, 'thing')).toEqual(entry)
  expect(entry.marker.files).toEqual({
    'sub/file': { bytes: 5, sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' },
  })
  expect(entry.marker.details).toEqual({ version: 'hello' })
})

test('makers that come at the same time make it once', async () => {
  await using place = await workplace()
  const thing = making('x')
  await Promise.all([1, 2, 3, 4].map(() => ensureEntry(place.at, thing)))
  expect(thing.made()).toBe(1)
})

test('a maker that fails leaves nothing behind, and the entry before it stays in use', async () => {
  await using place = await workplace()
  const before = await ensureEntry(place.at, making('one'))
  const failing = making('two', {
    key: '2',
    inputs: 'b',
    make: async (dir) => {
      await writeFile(join(dir, 'half'), 'x')
      throw new Error('the mirror is down')
    },
  })
  await expect(ensureEntry(place.at, failing)).rejects.toThrow('the mirror is down')
  expect((await readdir(place.shelf)).sort()).toEqual(['current.json', 'thing-1'])
  expect(await currentEntry(place.shelf, 'thing')).toEqual(before)
})

test('an operation that is aborted while it makes leaves nothing behind', async () => {
  await using place = await workplace()
  const abort = new AbortController()
  const thing = making('x', {
    make: () => {
      abort.abort(new Error('enough'))
      return Promise.resolve({})
    },
  })
  await expect(ensureEntry({ ...place.at, signal: abort.signal }, thing)).rejects.toThrow('enough')
  expect(await readdir(place.shelf)).toEqual([])
})

test('what a killed maker left is swept away: a hidden folder, and a folder without a marker', async () => {
  await using place = await workplace()
  await mkdir(join(place.shelf, '.thing-0'), { recursive: true })
  await mkdir(join(place.shelf, 'thing-1'))
  await writeFile(join(place.shelf, 'thing-1/half'), 'x')
  const entry = await ensureEntry(place.at, making('whole'))
  expect((await readdir(place.shelf)).sort()).toEqual(['current.json', 'thing-1'])
  expect((await readdir(entry.dir)).sort()).toEqual(['COMPLETE', 'sub'])
})

test('what another maker has under way is not swept away, although its name begins alike', async () => {
  await using place = await workplace()
  await mkdir(join(place.shelf, '.thing-plugins-0a1b2c3d'), { recursive: true })
  await ensureEntry(place.at, making('whole'))
  expect((await readdir(place.shelf)).sort()).toEqual(['.thing-plugins-0a1b2c3d', 'current.json', 'thing-1'])
})

test('an entry that was damaged is not found, and is made anew', async () => {
  await using place = await workplace()
  const thing = making('hello')
  const { dir } = await ensureEntry(place.at, thing)
  await truncate(join(dir, 'sub/file'), 2)
  expect(await readEntry(dir)).toBeUndefined()
  await ensureEntry(place.at, thing)
  expect(thing.made()).toBe(2)
  expect(await readFile(join(dir, 'sub/file'), 'utf8')).toBe('hello')
})

test('damage that keeps the size is found by reading every file', async () => {
  await using place = await workplace()
  const entry = await ensureEntry(place.at, making('hello'))
  await verifyEntry(entry)
  await writeFile(join(entry.dir, 'sub/file'), 'hallo')
  await expect(verifyEntry(entry)).rejects.toMatchObject({ code: 'asset_corrupt' })
})

test('other inputs make another entry; going back finds the first one again', async () => {
  await using place = await workplace()
  const [one, two] = [making('one'), making('two', { key: '2', inputs: 'b' })]
  await ensureEntry(place.at, one)
  expect(await currentEntry(place.shelf, 'thing', 'b')).toBeUndefined()
  expect((await ensureEntry(place.at, two)).dir).toBe(join(place.shelf, 'thing-2'))
  expect((await ensureEntry(place.at, one)).dir).toBe(join(place.shelf, 'thing-1'))
  expect([one.made(), two.made()]).toEqual([1, 1])
  await forget(place.shelf, 'thing')
  expect(await currentEntry(place.shelf, 'thing')).toBeUndefined()
})

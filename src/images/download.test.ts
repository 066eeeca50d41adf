import { mkdir, mkdtempDisposable, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sha256 } from '../base/files.ts'
import { quiet } from '../base/progress.ts'
import { fetchPinned } from './download.ts'
import type { Pinned } from './pins.ts'

const good = '#!/bin/sh\n'

async function place(folders: Readonly<Record<string, string>>) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-download-'))
  for (const [name, content] of Object.entries(folders)) {
    await mkdir(join(folder.path, name))
    await writeFile(join(folder.path, name, 'tool'), content)
  }
  await mkdir(join(folder.path, 'out'))
  return {
    at: { home: folder.path, root: folder.path, progress: quiet, signal: new AbortController().signal },
    out: join(folder.path, 'out'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

const from = (...folders: string[]): Pinned => ({
  version: '1.0.0',
  files: { tool: sha256(good) },
  sources: folders.map((folder) => ({ kind: 'folder', folder })),
})

test('the first source that has the right bytes is taken, and the file may be run', async () => {
  await using here = await place({ wrong: 'other bytes', right: good })
  const source = await fetchPinned(here.at, from('missing', 'wrong', 'right'), here.out)
  expect(source).toEqual({ kind: 'folder', folder: 'right' })
  expect(await readFile(join(here.out, 'tool'), 'utf8')).toBe(good)
  expect((await stat(join(here.out, 'tool'))).mode & 0o777).toBe(0o755)
  expect(await readdir(here.out)).toEqual(['tool'])
})

test('wrong bytes from every source are asset_corrupt, name both checksums and leave nothing', async () => {
  await using here = await place({ wrong: 'other bytes' })
  await expect(fetchPinned(here.at, from('missing', 'wrong'), here.out)).rejects.toMatchObject({
    code: 'asset_corrupt',
    message: expect.stringContaining(`not ${sha256(good)}`) as string,
  })
  expect(await readdir(here.out)).toEqual([])
})

test('a file that no source has is asset_unavailable and leaves nothing', async () => {
  await using here = await place({})
  await expect(fetchPinned(here.at, from('a', 'b'), here.out)).rejects.toMatchObject({
    code: 'asset_unavailable',
    message: expect.stringMatching(/a has no tool; b has no tool/) as string,
  })
  expect(await readdir(here.out)).toEqual([])
})

import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { foundIn, markMade } from './marker.ts'

const made = { runtime: 'python', vcpus: 1, memMib: 368, diskMib: 64, nic: true }

test('a folder is a template once it is marked: then it says of what it is, and what it takes', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-marker-'))
  expect(await foundIn(join(folder.path, 'nowhere'))).toBeUndefined()
  for (const file of ['memory', 'state', 'disk', 'written']) await writeFile(join(folder.path, file), 'x'.repeat(5000))
  expect(await foundIn(folder.path)).toBeUndefined()
  await markMade(folder.path, made, { version: 1 })
  const found = await foundIn(folder.path)
  expect(found).toMatchObject(made)
  expect(found?.bytes).toBeGreaterThanOrEqual(20_000)
  expect(Math.abs(Date.now() - (found?.madeAt ?? 0))).toBeLessThan(3_600_000)
})

test('one that lacks a file, or whose mark says nothing of what it is, is none', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-marker-'))
  await markMade(folder.path, made, {})
  expect(await foundIn(folder.path)).toBeUndefined()
  for (const file of ['memory', 'state', 'disk', 'written']) await writeFile(join(folder.path, file), '')
  for (const mark of ['{"version":2}', '{', '']) {
    await writeFile(join(folder.path, 'COMPLETE'), mark)
    expect(await foundIn(folder.path), mark).toBeUndefined()
  }
})

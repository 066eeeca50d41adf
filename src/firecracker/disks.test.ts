import { mkdtempDisposable, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exists } from '../base/files.ts'
import { DiskTemplates } from './disks.ts'

test('whoever asks for another size each time has few kept; what was asked for last stays', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-disks-'))
  // As earlier servers have left them.
  for (let size = 100; size < 164; size += 1) await writeFile(join(folder.path, `${size}m.ext4`), '')
  const disks = new DiskTemplates(folder.path)
  const [first, again] = [await disks.of(20), await disks.of(120)]
  expect(await readdir(folder.path)).toHaveLength(64)
  for (let size = 21; size < 83; size += 1) await disks.of(size)
  await disks.of(20)
  await disks.of(83)
  expect(await readdir(folder.path)).toHaveLength(64)
  expect([await exists(first), await exists(again)]).toEqual([true, false])
  expect(await exists(await disks.of(120))).toBe(true)
})

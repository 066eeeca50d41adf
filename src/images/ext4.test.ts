import { link, mkdir, mkdtempDisposable, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../base/process.ts'
import { makeExt4, measureTree } from './ext4.ts'

const signal = new AbortController().signal
const uuid = '01234567-89ab-8def-8123-456789abcdef'

async function tree() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-ext4-'))
  const root = join(folder.path, 'tree')
  await mkdir(join(root, 'usr/bin'), { recursive: true })
  await writeFile(join(root, 'usr/bin/tool'), Buffer.alloc(10_000, 7), { mode: 0o755 })
  await link(join(root, 'usr/bin/tool'), join(root, 'usr/bin/same'))
  // A link to a folder outside must be kept as a link and never walked into.
  await symlink('/usr/lib', join(root, 'lib'))
  return { root, image: join(folder.path, 'image'), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

const debugfs = async (image: string, command: string) =>
  (await run(['debugfs', '-R', command, image], { timeoutMs: 10_000 })).stdout

test('blocks and inodes are counted once for a hard link and not through a symbolic one', async () => {
  await using here = await tree()
  // Three blocks of the file, one for each of the two folders; the inodes come with 64 to spare.
  expect(await measureTree(here.root)).toEqual({ blocks: 5, inodes: 4 + 64 })
})

test('the image is a sound ext4 with the tree in it, read-only, without a journal', async () => {
  await using here = await tree()
  await makeExt4(here.root, here.image, { uuid, label: 'test', signal })
  expect((await stat(here.image)).mode & 0o777).toBe(0o444)
  await run(['e2fsck', '-f', '-n', here.image], { timeoutMs: 10_000 })
  const features = await debugfs(here.image, 'features')
  expect(features).toContain('extent')
  expect(features).not.toMatch(/has_journal|metadata_csum/)
  expect(await debugfs(here.image, 'stat /usr/bin/tool')).toMatch(/Mode:\s+0755.*Size: 10000.*Links: 2/s)
  expect(await debugfs(here.image, 'stat /lib')).toContain('Fast link dest: "/usr/lib"')
})

test('the same tree makes the same bytes but for the time of making', async () => {
  await using here = await tree()
  await makeExt4(here.root, here.image, { uuid, label: 'test', signal })
  const first = await readFile(here.image)
  await makeExt4(here.root, `${here.image}2`, { uuid, label: 'test', signal })
  const second = await readFile(`${here.image}2`)
  const differing = first.reduce((count, byte, index) => count + (byte === second[index] ? 0 : 1), 0)
  expect(first.length).toBe(second.length)
  expect(differing).toBeLessThan(64)
})

import { mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { quiet } from '../base/progress.ts'
import { inUse, locateAsset, locateAssets } from './assets.ts'
import { sourcesDigest } from './golang.ts'
import { locateImage } from './image.ts'
import { ensureInitramfs } from './initramfs.ts'
import { ensureGuestKernel } from './kernels.ts'
import { pins } from './pins.ts'
import { currentEntry } from './shelf.ts'

const root = join(import.meta.dirname, '../..')

async function workplace() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-assets-'))
  const at = { home: folder.path, root, progress: quiet, signal: new AbortController().signal }
  return { at, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

test('where nothing was set up, locating says so, names the remedy and writes nothing', async () => {
  await using here = await workplace()
  const missing = { code: 'asset_unavailable', hint: 'run: vulcan setup' }
  await expect(locateAssets(here.at.home)).rejects.toMatchObject(missing)
  await expect(locateAsset(here.at.home, 'kernel')).rejects.toMatchObject(missing)
  await expect(locateImage(here.at.home, 'python')).rejects.toMatchObject(missing)
  expect(await readdir(here.at.home)).toEqual([])
})

test('the operator’s kernel is taken in, and boots with an initramfs that has no modules', async () => {
  await using here = await workplace()
  const [elf, init] = [join(here.at.home, 'my-kernel'), join(here.at.home, 'init')]
  await writeFile(elf, Buffer.from('\u007fELF and more', 'latin1'))
  await writeFile(init, 'an init')
  const kernel = await ensureGuestKernel(here.at, elf)
  expect(kernel.marker.details).toMatchObject({ origin: 'own', path: elf })
  const initramfs = await ensureInitramfs(here.at, { name: 'initramfs', kernel, init })
  expect(Object.keys(initramfs.marker.files)).toEqual(['initramfs'])
  const before = await inUse(here.at.home)
  expect(before.filter((folder) => folder !== undefined)).toHaveLength(2)
  await writeFile(init, 'another init')
  const next = await ensureInitramfs(here.at, { name: 'initramfs', kernel, init })
  expect(next.dir).not.toBe(initramfs.dir)
  // A server that was started with the earlier one is seen to be of the past.
  expect(await inUse(here.at.home)).not.toEqual(before)
  expect((await currentEntry(join(here.at.home, 'assets'), 'initramfs'))?.dir).toBe(next.dir)
})

test('a kernel that is no ELF file or not there is asset_refused', async () => {
  await using here = await workplace()
  const bzImage = join(here.at.home, 'vmlinuz')
  await writeFile(bzImage, 'MZ this is compressed')
  await expect(ensureGuestKernel(here.at, bzImage)).rejects.toMatchObject({ code: 'asset_refused', message: /no ELF/ })
  await expect(ensureGuestKernel(here.at, '/nonexistent')).rejects.toMatchObject({ code: 'asset_refused' })
})

test('the digest of our Go sources does not depend on tests and is stable', async () => {
  const digest = await sourcesDigest(root)
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(await sourcesDigest(root)).toBe(digest)
})

test('the CNI plugins are tools of native/, whose go.sum has the checksums that Go holds them to', async () => {
  const [modules, sums] = await Promise.all(
    ['go.mod', 'go.sum'].map((name) => readFile(join(root, 'native', name), 'utf8')),
  )
  const { module, version, packages } = pins.cni
  expect(modules).toContain(`${module} v${version}\n`)
  expect(sums).toContain(`${module} v${version} h1:`)
  for (const path of packages) expect(modules).toContain(`${module}/${path}\n`)
})

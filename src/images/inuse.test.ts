import { mkdir, mkdtempDisposable, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { imagesInUse } from './inuse.ts'
import { markerFile, pointTo } from './shelf.ts'

async function homeWithImages() {
  const home = await mkdtempDisposable(join(tmpdir(), 'vulcan-inuse-'))
  const shelf = join(home.path, 'images')
  const make = async (key: string) => {
    const folder = join(shelf, `python-${key}`)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'rootfs.ext4'), 'whole')
    const files = { 'rootfs.ext4': { bytes: 5, sha256: '' } }
    const marker = { name: 'python', key, inputs: key, files, details: { launch: { run: [key] }, digest: key } }
    await writeFile(join(folder, markerFile), JSON.stringify(marker))
    await pointTo(shelf, 'python', `python-${key}`)
    return folder
  }
  return { home: home.path, make, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() }
}

test('an image is read once, and anew where another one is in use', async () => {
  await using at = await homeWithImages()
  const find = imagesInUse(at.home)
  await at.make('1')
  const first = await find('python')
  expect(first).toMatchObject({ name: 'python', digest: '1', launch: { run: ['1'] } })
  expect(await find('python')).toBe(first)
  await at.make('2')
  expect(await find('python')).toMatchObject({ digest: '2' })
})

test('an image that was found is missed once it is gone or not whole', async () => {
  await using at = await homeWithImages()
  const find = imagesInUse(at.home)
  const missing = { code: 'asset_unavailable', step: 'locate' }
  await expect(find('python')).rejects.toMatchObject(missing)
  const folder = await at.make('1')
  await find('python')
  await truncate(join(folder, 'rootfs.ext4'), 3)
  await expect(find('python')).rejects.toMatchObject(missing)
  await at.make('1')
  await find('python')
  await rm(join(folder, markerFile))
  await expect(find('python')).rejects.toMatchObject(missing)
  await rm(folder, { recursive: true })
  await expect(find('python')).rejects.toMatchObject(missing)
  await at.make('1')
  expect(await find('python')).toMatchObject({ digest: '1' })
})

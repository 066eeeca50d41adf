import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runtimes } from '../api/runtimes.ts'
import { missingSettings } from './kernelbuild.ts'
import { pins } from './pins.ts'
import { imageNames, readRecipe } from './recipe.ts'

const root = join(import.meta.dirname, '../..')

async function recipeRoot(content: string) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-recipe-'))
  await mkdir(join(folder.path, 'images'))
  await writeFile(join(folder.path, 'images/x.json'), content)
  return folder
}

test('every runtime has a recipe that starts its entry point', async () => {
  expect(await imageNames(root)).toEqual(runtimes.map(({ name }) => name as string).sort())
  for (const name of await imageNames(root)) {
    const { launch } = await readRecipe(root, name)
    expect([...(launch.build ?? []), ...launch.run].join(' ')).toContain('{entry}')
    expect(launch.env['PATH']).toContain('/usr/bin')
  }
})

test('every recipe names assets that are pinned', async () => {
  for (const name of [...(await imageNames(root)), 'machine']) {
    const recipe = await readRecipe(root, name)
    for (const asset of Object.values(recipe.assets ?? {})) expect(pins.downloads).toHaveProperty(asset)
    for (const asset of Object.values(recipe.npmPackages ?? {})) expect(pins.npmPackages).toHaveProperty(asset)
  }
})

test('a file beside the recipe is read into it, so that it counts in the digest', async () => {
  const script = await readFile(join(root, 'images/go-build.sh'), 'utf8')
  expect((await readRecipe(root, 'go')).files['/usr/local/lib/vulcan/go-build']).toBe(script)
})

test('a recipe that is missing, no JSON or has a wrong field is image_build_failed and says which', async () => {
  const launch = { run: ['x'], env: {} }
  await using unknownField = await recipeRoot(JSON.stringify({ suite: 'trixie', packages: ['a'], launch, extra: 1 }))
  await expect(readRecipe(unknownField.path, 'x')).rejects.toMatchObject({ code: 'image_build_failed' })
  await using noPackages = await recipeRoot(JSON.stringify({ suite: 'trixie', packages: [], launch }))
  await expect(readRecipe(noPackages.path, 'x')).rejects.toThrow('/packages')
  await using noJson = await recipeRoot('{')
  await expect(readRecipe(noJson.path, 'x')).rejects.toThrow('cannot be read')
  await expect(readRecipe(root, 'cobol')).rejects.toThrow('is not there')
})

test('pins are whole: checksums everywhere, exact versions, and no registry named by its host', async () => {
  for (const pin of Object.values(pins.downloads)) {
    expect(pin.version).toMatch(/^\d+\.\d+\.\d+$/)
    for (const digest of Object.values(pin.files)) expect(digest).toMatch(/^[0-9a-f]{64}$/)
    expect(pin.sources.length).toBeGreaterThan(0)
  }
  for (const pin of Object.values(pins.npmPackages)) expect(pin.sha256).toMatch(/^[0-9a-f]{64}$/)
  expect(await readFile(join(import.meta.dirname, 'assets.json'), 'utf8')).not.toMatch(
    /https?:|debian\.org|npmjs|pypi\.org/,
  )
})

test('settings that a kernel did not take are named', () => {
  const config = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n'
  expect(missingSettings('CONFIG_A=y\nCONFIG_B=n\n', config)).toEqual([])
  expect(missingSettings('CONFIG_B=y\nCONFIG_C=y\nCONFIG_D=32\n', config)).toEqual([
    'CONFIG_B=y',
    'CONFIG_C=y',
    'CONFIG_D=32',
  ])
})

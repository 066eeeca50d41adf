/** Images: root file systems on the shelf, built from recipes when they are missing, found again without them. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { sha256 } from '../base/files.ts'
import { CommandFailed } from '../base/process.ts'
import type { ProgressStep } from '../base/progress.ts'
import { makeExt4 } from './ext4.ts'
import type { Image, Launch } from './images.ts'
import { readRecipe, type Recipe } from './recipe.ts'
import { buildTree } from './rootfs.ts'
import { currentEntry, ensureEntry, type Entry, type Workplace } from './shelf.ts'
import { pins } from './pins.ts'

/** Changed when the same recipe gives another image. */
const builderVersion = 1

/** The image of that name (a recipe's), built when it is missing or its recipe changed. */
export async function ensureImage(at: Workplace, name: string): Promise<Image> {
  const recipe = await readRecipe(at.root, name)
  const digest = digestOf(recipe)
  const entry = await ensureEntry(at, {
    shelf: 'images',
    name,
    key: digest.slice(0, 12),
    inputs: digest,
    title: `building the ${name} image`,
    make: async (dir, step) => {
      await buildRootfs(at, { name, digest, recipe, dir, step })
      return { launch: recipe.launch, digest }
    },
  })
  return toImage(entry)
}

/** The image of that name; nothing is made or written. Throws asset_unavailable when it is not there. */
export async function locateImage(home: string, name: string): Promise<Image> {
  const entry = await currentEntry(join(home, 'images'), name)
  if (entry) return toImage(entry)
  throw new VulcanError('asset_unavailable', `the ${name} image is not in ${join(home, 'images')}, or not whole`, {
    step: 'locate',
    hint: 'run: vulcan setup',
  })
}

interface Building {
  readonly name: string
  readonly digest: string
  readonly recipe: Recipe
  readonly dir: string
  readonly step: ProgressStep
}

async function buildRootfs(at: Workplace, { name, digest, recipe, dir, step }: Building): Promise<void> {
  const tree = join(dir, '.tree')
  await buildTree(at, recipe, { tree, step })
  step.update('file system')
  try {
    const options = { uuid: uuidOf(digest), label: `vulcan-${name}`.slice(0, 16), signal: at.signal }
    await makeExt4(tree, join(dir, 'rootfs.ext4'), options)
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('image_build_failed', `the ${name} image: ${cause.message}`, { step: 'mkfs.ext4', cause })
  }
  await rm(tree, { recursive: true })
}

/** Sha256 over all that decides what is in the image: the recipe, the pinned files it names, and how we build. */
function digestOf(recipe: Recipe): string {
  const used = [
    ...Object.values(recipe.assets ?? {}).map((name) => pins.downloads[name]),
    ...Object.values(recipe.npmPackages ?? {}).map((name) => pins.npmPackages[name]),
  ]
  return sha256(JSON.stringify([builderVersion, recipe, used]))
}

/** A version 8 UUID (free form) from a digest. */
function uuidOf(digest: string): string {
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, `8${digest.slice(17, 20)}`]
  return [...parts, digest.slice(20, 32)].join('-')
}

function toImage({ dir, marker }: Entry): Image {
  const { launch, digest } = marker.details as { launch: Launch; digest: string }
  return { name: marker.name, digest, rootfs: join(dir, 'rootfs.ext4'), launch }
}

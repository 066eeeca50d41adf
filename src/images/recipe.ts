/** Recipes: what a root file system is made of, as data in images/<name>.json. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { VulcanError } from '../api/errors.ts'
import { isMissing } from '../base/files.ts'

const words = Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })
const inImage = Type.String({ pattern: '^/' })
const strict = { additionalProperties: false } as const

export const recipeSchema = Type.Object(
  {
    /** Debian suite. */
    suite: Type.String({ minLength: 1 }),
    /** Debian packages besides the essential ones. */
    packages: words,
    /** Folder in the image to the name of a pinned download whose files go there. */
    assets: Type.Optional(Type.Record(inImage, Type.String())),
    /** Folder in the image to the name of a pinned npm package that is unpacked there. */
    npmPackages: Type.Optional(Type.Record(inImage, Type.String())),
    /** Path to text, or to the name of a file beside the recipe. Below the user's home they belong to the user. */
    files: Type.Optional(
      Type.Record(
        inImage,
        Type.Union([Type.String(), Type.Object({ file: Type.String({ pattern: '^[\\w.-]+$' }) }, strict)]),
      ),
    ),
    /** Symbolic links, path to target. */
    links: Type.Optional(Type.Record(inImage, Type.String())),
    /** Folders that belong to the user. */
    folders: Type.Optional(Type.Array(inImage)),
    /** Paths that are taken out. */
    remove: Type.Optional(Type.Array(inImage)),
    /** A command run as the user in the finished tree, with the environment of `launch`. */
    warm: Type.Optional(
      Type.Object(
        {
          run: words,
          /** Folder whose files never look old, so that reading a cache does not write to it. */
          keepFresh: Type.Optional(inImage),
        },
        strict,
      ),
    ),
    launch: Type.Object(
      {
        build: Type.Optional(words),
        run: words,
        warm: Type.Optional(words),
        wait: Type.Optional(Type.Record(Type.String(), Type.String())),
        env: Type.Record(Type.String(), Type.String()),
      },
      strict,
    ),
  },
  strict,
)

/** A recipe with the content of its files. */
export type Recipe = Omit<Static<typeof recipeSchema>, 'files'> & { readonly files: Readonly<Record<string, string>> }

/** Reads images/<name>.json below the package's root. Throws image_build_failed naming what is wrong with it. */
export async function readRecipe(root: string, name: string): Promise<Recipe> {
  const path = join(root, 'images', `${name}.json`)
  const fail = (why: string, cause?: unknown) =>
    new VulcanError('image_build_failed', `the recipe ${path} ${why}`, { step: 'recipe', cause })
  let recipe: unknown
  try {
    recipe = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw fail(isMissing(error) ? 'is not there' : `cannot be read: ${String(error)}`, error)
  }
  if (!Value.Check(recipeSchema, recipe)) {
    const fault = Value.Errors(recipeSchema, recipe)[0]
    throw fail(`is wrong at ${fault?.instancePath || '/'}: ${fault?.message ?? 'it does not fit its schema'}`)
  }
  const files: Record<string, string> = {}
  for (const [to, content] of Object.entries(recipe.files ?? {})) {
    files[to] = typeof content === 'string' ? content : await readFile(join(root, 'images', content.file), 'utf8')
  }
  return { ...recipe, files }
}

/** Names of the recipes that are runtimes: all but the machine's. */
export async function imageNames(root: string): Promise<string[]> {
  const files = await readdir(join(root, 'images'))
  return files.flatMap((file) => (file.endsWith('.json') && file !== 'machine.json' ? [file.slice(0, -5)] : [])).sort()
}

/**
 * What a shelf holds beyond what is in use: entries that another one of their name has taken the place of. They pile up
 * with each change of a recipe or of sources, since going back to one must cost nothing while somebody may.
 */
import { randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import { currentFolders, type Marker, markerFile, type ShelfName } from './shelf.ts'
import { walk } from './walk.ts'

export const shelves: readonly ShelfName[] = ['assets', 'images']

/** One folder that nothing asks for any more. */
export interface Superseded {
  readonly shelf: ShelfName
  readonly name: string
  /** Name of the folder on the shelf. */
  readonly folder: string
  /** What its removal frees; a file that another entry shares is not counted. */
  readonly bytes: number
}

/** Paths (`<shelf>/<folder>`, below $VULCAN_HOME) of every entry that is the current one of its name. */
export async function currentPaths(home: string): Promise<string[]> {
  const each = await Promise.all(
    shelves.map(async (shelf) =>
      Object.values(await currentFolders(join(home, shelf))).map((folder) => `${shelf}/${folder}`),
    ),
  )
  return each.flat()
}

/** Entries that are neither current nor among `held` (paths as of currentPaths). Nothing is changed. */
export async function findSuperseded(home: string, held: ReadonlySet<string>): Promise<Superseded[]> {
  const kept = new Set([...(await currentPaths(home)), ...held])
  const found: Superseded[] = []
  for (const shelf of shelves) {
    for (const folder of (await foldersOf(join(home, shelf))).toSorted()) {
      if (folder.startsWith('.') || kept.has(`${shelf}/${folder}`)) continue
      const dir = join(home, shelf, folder)
      // What has no marker belongs to a maker, which sweeps up after the one before it; or it is not ours.
      const name = await nameIn(dir)
      if (name !== undefined) found.push({ shelf, name, folder, bytes: await freedBy(dir) })
    }
  }
  return found
}

/**
 * Removes one of them; false when it has become the current one meanwhile, or is gone. Whoever makes entries of that name
 * is waited for. The folder goes from its name first, so that nobody ever finds half of it.
 */
export async function removeSuperseded(
  home: string,
  { shelf, name, folder }: Superseded,
  o: { readonly signal: AbortSignal; readonly onWait?: () => void },
): Promise<boolean> {
  const path = join(home, shelf)
  await using _held = await lock(join(path, name), o)
  if (Object.values(await currentFolders(path)).includes(folder)) return false
  // A name that the next maker sweeps away, should we end here.
  const hidden = join(path, `.${name}-${randomBytes(4).toString('hex')}`)
  try {
    await rename(join(path, folder), hidden)
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
  await rm(hidden, { recursive: true, force: true })
  return true
}

async function foldersOf(shelf: string): Promise<string[]> {
  try {
    const entries = await readdir(shelf, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Whose lock guards the folder: its marker says so. A name alone does not: `cni-plugins-1` is no entry of `cni`. */
async function nameIn(dir: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(join(dir, markerFile), 'utf8')) as Partial<Marker>).name
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Blocks of 512 bytes, not lengths: file systems in files are mostly holes. */
async function freedBy(dir: string): Promise<number> {
  let bytes = 0
  for await (const { path, entry } of walk(dir)) {
    if (!entry.isFile()) continue
    const { blocks, nlink } = await stat(path)
    if (nlink === 1) bytes += blocks * 512
  }
  return bytes
}

/**
 * A shelf holds entries: folders of finished files, `<name>-<key>`, each complete or not there at all. An entry is made
 * in a hidden sibling, gets its marker last and is renamed into place. `current.json` on the shelf names the entry in
 * use for each name, so that a reader needs neither sources nor tools to find it.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { isMissing, sha256File, syncPath, writeAtomic } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import type { Progress, ProgressStep } from '../base/progress.ts'
import { walk } from './walk.ts'

/** The file that says an entry is whole; written last. */
export const markerFile = 'COMPLETE'

export interface Marker {
  readonly name: string
  /** Version or digest; with the name it makes the folder's name. */
  readonly key: string
  /** Sha256 over whatever the entry was made from; another one means that it has to be made anew. */
  readonly inputs: string
  /** Size in bytes and sha256 of each file, by its path in the entry. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>
  /** What the maker wants to know again: versions, origins, launch commands. */
  readonly details: Readonly<Record<string, unknown>>
}

export interface Entry {
  readonly dir: string
  readonly marker: Marker
}

/** What making anything needs: where it goes, who watches, who may stop it. */
export interface Workplace {
  /** $VULCAN_HOME. */
  readonly home: string
  /** The package's root: sources of the guest's programs, recipes. */
  readonly root: string
  readonly progress: Progress
  readonly signal: AbortSignal
}

export type ShelfName = 'assets' | 'images'

export interface Making {
  readonly shelf: ShelfName
  readonly name: string
  readonly key: string
  readonly inputs: string
  /** Shown as the progress step. */
  readonly title: string
  /** Fills the empty folder; returns the marker's details. */
  readonly make: (dir: string, step: ProgressStep) => Promise<Record<string, unknown>>
}

/** The entry in use for a name, or undefined when there is none, it is not whole or it was made from other inputs. */
export async function currentEntry(shelf: string, name: string, inputs?: string): Promise<Entry | undefined> {
  const folder = (await currentFolders(shelf))[name]
  const entry = folder === undefined ? undefined : await readEntry(join(shelf, folder))
  return entry && (inputs === undefined || entry.marker.inputs === inputs) ? entry : undefined
}

/** Makes an entry unless it is there, and makes it the current one of its name. One maker at a time; the rest wait for it. */
export async function ensureEntry(at: Workplace, making: Making): Promise<Entry> {
  const shelf = join(at.home, making.shelf)
  const current = await currentEntry(shelf, making.name, making.inputs)
  if (current?.marker.key === making.key) return current
  await using _held = await lock(join(shelf, making.name), {
    signal: at.signal,
    onWait: () => at.progress.note(`${making.title}: another process is at it; waiting for it`),
  })
  const dir = join(shelf, `${making.name}-${making.key}`)
  const there = await readEntry(dir)
  const entry =
    there?.marker.inputs === making.inputs
      ? there
      : await at.progress.step(making.title, (step) => makeEntry(at, { ...making, dir, step }))
  await pointTo(shelf, making.name, basename(dir))
  return entry
}

/** Makes `name` mean the entry in that folder of the shelf from now on. */
export async function pointTo(shelf: string, name: string, folder: string): Promise<void> {
  const path = join(shelf, 'current.json')
  await using _held = await lock(path)
  const current = await currentFolders(shelf)
  if (current[name] === folder) return
  await writeAtomic(path, `${JSON.stringify({ ...current, [name]: folder }, null, 2)}\n`)
}

/** Forgets which entry is in use, so that the next one asked for is looked up anew. */
export async function forget(shelf: string, name: string): Promise<void> {
  const path = join(shelf, 'current.json')
  await using _held = await lock(path)
  const { [name]: gone, ...rest } = await currentFolders(shelf)
  if (gone !== undefined) await writeAtomic(path, `${JSON.stringify(rest, null, 2)}\n`)
}

/** An entry that is whole: marker there, and every file of the size it says. */
export async function readEntry(dir: string): Promise<Entry | undefined> {
  try {
    const marker = JSON.parse(await readFile(join(dir, markerFile), 'utf8')) as Marker
    for (const [path, file] of Object.entries(marker.files)) {
      if ((await stat(join(dir, path))).size !== file.bytes) return undefined
    }
    return { dir, marker }
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Reads every file of an entry again; throws asset_corrupt naming the first that is not what its marker says. */
export async function verifyEntry(entry: Entry): Promise<void> {
  for (const [path, file] of Object.entries(entry.marker.files)) {
    const found = await sha256File(join(entry.dir, path))
    if (found === file.sha256) continue
    throw new VulcanError('asset_corrupt', `${join(entry.dir, path)}: its sha256 is ${found}, not ${file.sha256}`, {
      step: 'verify',
      hint: `remove ${entry.dir} and run: vulcan setup`,
    })
  }
}

/** Which folder is in use for each name on the shelf. */
export async function currentFolders(shelf: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(join(shelf, 'current.json'), 'utf8')) as Record<string, string>
  } catch (error) {
    if (isMissing(error)) return {}
    throw error
  }
}

interface Place extends Making {
  readonly dir: string
  readonly step: ProgressStep
}

/** The holder of the name's lock is alone with its folders: whatever is unfinished there belongs to a maker that died. */
async function makeEntry(at: Workplace, place: Place): Promise<Entry> {
  const shelf = join(at.home, place.shelf)
  await mkdir(shelf, { recursive: true })
  for (const folder of await readdir(shelf)) {
    if (hiddenOf(place.name, folder)) await removeTree(join(shelf, folder))
  }
  await removeTree(place.dir)
  // Never the same name twice: a child of a maker that was killed may still be writing into its own folder.
  const temporary = join(shelf, `.${place.name}-${randomBytes(4).toString('hex')}`)
  try {
    await mkdir(temporary)
    const details = await place.make(temporary, place.step)
    at.signal.throwIfAborted()
    const { name, key, inputs } = place
    const marker: Marker = { name, key, inputs, files: await describeFiles(temporary), details }
    await writeAtomic(join(temporary, markerFile), `${JSON.stringify(marker, null, 2)}\n`)
    await rename(temporary, place.dir)
    return { dir: place.dir, marker }
  } catch (error) {
    await removeTree(temporary)
    throw error
  }
}

/** True for a hidden folder of that name: `.cni-0a1b2c3d` is one of `cni`, `.cni-plugins-0a1b2c3d` is not. */
const hiddenOf = (name: string, folder: string): boolean =>
  folder.startsWith(`.${name}-`) && /^[0-9a-f]+$/.test(folder.slice(name.length + 2))

/** Tries again where something is still being written into the tree. */
function removeTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 10 })
}

async function describeFiles(dir: string): Promise<Marker['files']> {
  const files: Record<string, { bytes: number; sha256: string }> = {}
  for await (const { path, entry } of walk(dir)) {
    if (!entry.isFile()) continue
    await syncPath(path)
    files[relative(dir, path)] = { bytes: (await stat(path)).size, sha256: await sha256File(path) }
  }
  return files
}

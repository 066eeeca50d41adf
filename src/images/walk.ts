/** Walking a tree of foreign files. Links are entries, never followed: they may lead out of the tree. */
import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Every entry below a folder, folders before what is in them. (A recursive readdir follows links to folders.) */
export async function* walk(folder: string): AsyncGenerator<{ path: string; entry: Dirent }> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    yield { path, entry }
    if (entry.isDirectory()) yield* walk(path)
  }
}

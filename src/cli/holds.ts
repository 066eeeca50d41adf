/** Which assets and images the running server and the running machine may be using, current or not. */
import { textIn } from '../base/files.ts'
import { machineStatus } from '../machine/machine.ts'
import { placesOf } from '../machine/places.ts'
import { serverLives } from './hostserver.ts'
import { readServerFile } from './serverfile.ts'

/**
 * Paths below the home (`assets/kernel-1`), or undefined where nobody can tell: a server that is just starting has not
 * said yet, one of an older version never does. A vm that runs needs no mention: its files are open.
 */
export async function heldPaths(home: string): Promise<ReadonlySet<string> | undefined> {
  const file = await readServerFile(home)
  const { running } = await machineStatus({ home })
  if (!file && (running || (await serverLives(home)))) return undefined
  if (file && !file.holds) return undefined
  // QEMU is started anew with the same words when it hangs.
  const machine = running ? pathsIn((await textIn(placesOf(home).spec)) ?? '', home) : []
  return new Set([...(file?.holds ?? []), ...machine])
}

/** Entries of the shelves that a text names by their whole path. Pure. */
export function pathsIn(text: string, home: string): string[] {
  return text.split(`${home}/`).flatMap((rest) => /^(?:assets|images)\/[\w.+-]+/.exec(rest)?.[0] ?? [])
}

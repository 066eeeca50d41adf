/** The file that makes a folder a template: written last, and it says what the template is of. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { VmKind } from '../backend/warm.ts'
import { isMissing, writeAtomic } from '../base/files.ts'
import { filesIn } from './snapshot.ts'

const name = 'COMPLETE'

/** What a template is of. */
export interface Made extends VmKind {
  readonly nic: boolean
}

export interface Found extends Made {
  /** Blocks of its files, in bytes: they have holes. */
  readonly bytes: number
  /** Milliseconds of the epoch. */
  readonly madeAt: number
}

/** `inputs`: all that decided how it was made, for people. */
export async function markMade(folder: string, made: Made, inputs: object): Promise<void> {
  await writeAtomic(join(folder, name), JSON.stringify({ made, inputs }, null, 2))
}

/** Undefined for half a template, and for one that an earlier Vulcan made and that says less. */
export async function foundIn(folder: string): Promise<Found | undefined> {
  try {
    const path = join(folder, name)
    const { made } = JSON.parse(await readFile(path, 'utf8')) as { made?: Made }
    if (!made) return undefined
    const sizes = await Promise.all(Object.values(filesIn(folder)).map((file) => stat(file as string)))
    const bytes = sizes.reduce((sum, { blocks }) => sum + blocks * 512, 0)
    return { ...made, bytes, madeAt: (await stat(path)).mtimeMs }
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The key of the local server: made once, kept in clear only here, mode 0600. The server knows its hash alone. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { sha256, textIn, writeAtomic } from '../base/files.ts'
import { lock } from '../base/lock.ts'

export interface Key {
  readonly text: string
  readonly sha256: string
}

/** The key of that home, made where there is none. */
export async function ensureKey(home: string): Promise<Key> {
  const path = join(home, 'key')
  await using _lock = await lock(path)
  const text = (await readKey(path)) ?? `vk_${randomBytes(32).toString('base64url')}`
  if ((await readKey(path)) === undefined) await writeAtomic(path, `${text}\n`, 0o600)
  return { text, sha256: sha256(text) }
}

async function readKey(path: string): Promise<string | undefined> {
  return (await textIn(path))?.trim() || undefined
}

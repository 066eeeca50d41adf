/** $VULCAN_HOME/server.json: where the server of that home listens, for every later command. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, writeAtomic } from '../base/files.ts'

export interface ServerFile {
  readonly url: string
  /** Where it runs: on this host, or in the machine. */
  readonly place: 'host' | 'machine'
  readonly backend: string
  /** What its server proves itself by, before it is given the key; absent in files of older versions. */
  readonly secret?: string
  /** Of the process, where it runs on this host. */
  readonly pid?: number
  /** A service manager started it, and starts the next one. */
  readonly service?: boolean
  /** Settings that it was started with and that are not standard, by their variables; absent in files of older versions. */
  readonly settings?: Readonly<Record<string, string>>
  /** What it may be using of assets and images, as paths below the home; absent in files of older versions. */
  readonly holds?: readonly string[]
}

const pathIn = (home: string): string => join(home, 'server.json')

/** Held by a server on this host for as long as it lives. */
export const serverLock = (home: string): string => join(home, 'server.json')

export async function readServerFile(home: string): Promise<ServerFile | undefined> {
  try {
    return JSON.parse(await readFile(pathIn(home), 'utf8')) as ServerFile
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What of it may be shown. */
export async function shownServerFile(home: string): Promise<Omit<ServerFile, 'secret'> | undefined> {
  const file = await readServerFile(home)
  if (!file) return undefined
  const { secret: _secret, ...shown } = file
  return shown
}

export async function writeServerFile(home: string, file: ServerFile): Promise<void> {
  await writeAtomic(pathIn(home), `${JSON.stringify(file)}\n`, 0o600)
}

export async function removeServerFile(home: string): Promise<void> {
  await rm(pathIn(home), { force: true })
}

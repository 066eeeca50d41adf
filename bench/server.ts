/** The server that runs for the home of the settings, started by `vulcan up`. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from '../src/api/client.ts'
import { loadConfig } from '../src/config.ts'

export interface RunningServer {
  readonly home: string
  readonly place: 'host' | 'machine'
  readonly url: string
  readonly key: string
  readonly client: Client
}

export async function runningServer(): Promise<RunningServer> {
  const { home } = loadConfig().config
  const text = await readFile(join(home, 'server.json'), 'utf8').catch((cause: unknown) => {
    throw new Error(`no server of ${home} runs; start it: vulcan up`, { cause })
  })
  const { url, place } = JSON.parse(text) as { url: string; place: RunningServer['place'] }
  const key = (await readFile(join(home, 'key'), 'utf8')).trim()
  return { home, place, url, key, client: new Client({ url, key }) }
}

/** Where its vms run, and by what: for a report. */
export async function placeNow(): Promise<Record<string, string>> {
  const { place, client } = await runningServer()
  const [backend] = await client.backends()
  const details = Object.entries(backend?.details ?? {}).map(([name, value]) => [`vm ${name}`, String(value)])
  return { place, ...(Object.fromEntries(details) as Record<string, string>) }
}

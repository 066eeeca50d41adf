/** A real server on the fake backend, and a real browser before it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'

const root = resolve(import.meta.dirname, '..', '..')
/** Debian's, whose package brings all that it needs. */
const chromiumPath = '/usr/bin/chromium'

/** An address that the browsers of tests find this computer at, and that does not look like its own. */
const elsewhere = '192.0.2.1'

export interface Site extends AsyncDisposable {
  readonly url: string
  /** As from another computer: plain http, for which a browser does not have all that it has. */
  readonly plainUrl: string
  readonly browser: Browser
  /** A browser of its own, let in by a link. */
  readonly enter: (options?: Parameters<Browser['newContext']>[0]) => Promise<BrowserContext>
  /** What `vulcan` says on stdout. */
  readonly vulcan: (...words: string[]) => Promise<string>
  /** The server is gone at once, as by a loss of power. */
  readonly crash: () => Promise<void>
  readonly start: () => Promise<void>
}

export async function launch(): Promise<Browser> {
  if (!existsSync(chromiumPath)) throw new Error(`${chromiumPath} is not there: apt-get install chromium`)
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'],
      `--host-resolver-rules=MAP ${elsewhere} 127.0.0.1`,
    ],
  })
}

export async function openSite(): Promise<Site> {
  const home = await mkdtemp(join(tmpdir(), 'vulcan-browser-'))
  // The same port for the next server, as where one is set.
  const port = await freePort()
  const env = { ...process.env, VULCAN_HOME: home, VULCAN_BACKEND: 'fake', VULCAN_SERVER_PORT: String(port) }
  const say = (words: readonly string[]) => spawn(join(root, 'vulcan'), words, { cwd: root, env })
  let server: ChildProcess | undefined
  const start = async () => {
    server = say(['serve'])
    await listens(server)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    server.kill(signal)
    await once(server, 'exit')
  }
  await start()
  const browser = await launch()
  const vulcan = async (...words: string[]) => textOf(say(words))
  return {
    url: `http://127.0.0.1:${port}`,
    plainUrl: `http://${elsewhere}:${port}`,
    browser,
    vulcan,
    start,
    crash: () => end('SIGKILL'),
    async enter(options = {}) {
      const context = await browser.newContext(options)
      const page = await context.newPage()
      await page.goto((await vulcan('open', '--print')).trim())
      await page.close()
      return context
    },
    async [Symbol.asyncDispose]() {
      await browser.close()
      await end('SIGINT')
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Resolves when the server says that it listens; rejects with its words when it ends before. */
async function listens(server: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let said = ''
  server.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said.includes('listens at')) resolve()
  })
  server.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)))
  return promise
}

async function textOf(child: ChildProcess): Promise<string> {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`vulcan exited with ${code}: ${said.err}`)
  return said.out
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

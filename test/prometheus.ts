/** A real Prometheus for tests, with the scrape and the alerts that operators are given. */
import { execFileSync, spawn } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse, stringify } from 'yaml'
import { sleep } from '../src/base/time.ts'

const deploy = resolve(import.meta.dirname, '..', 'deploy', 'prometheus')

/** What Prometheus's own linter says of a scrape; empty when all is well. */
export function complaintsOf(metrics: string): string {
  try {
    return execFileSync('promtool', ['check', 'metrics'], { input: metrics, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr
  }
}

export interface Prometheus extends AsyncDisposable {
  /** Values of an instant query, once it has some; rejects after the deadline with what Prometheus says of its targets. */
  ask(query: string, deadlineMs: number): Promise<readonly { metric: Record<string, string>; value: number }[]>
}

/** Starts Prometheus on a free port; it scrapes that server so often and waits as long for an answer. */
export async function startPrometheus(target: { url: string; key: string }, seconds: number): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'vulcan-prometheus-'))
  await writeFile(join(folder, 'key'), `${target.key}\n`, { mode: 0o600 })
  await copyFile(join(deploy, 'alerts.yml'), join(folder, 'alerts.yml'))
  await writeFile(join(folder, 'prometheus.yml'), await configFor(target.url, seconds))
  const address = `127.0.0.1:${await freePort()}`
  const files = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
  const child = spawn('prometheus', [...files, `--web.listen-address=${address}`], { cwd: folder, stdio: 'ignore' })
  const ended = new Promise((done) => child.once('close', done).once('error', done))
  return {
    ask: (query, deadlineMs) => ask(`http://${address}`, query, Date.now() + deadlineMs),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The example with this server in the place of the usual one. */
async function configFor(url: string, seconds: number): Promise<string> {
  const config = parse(await readFile(join(deploy, 'prometheus.yml'), 'utf8')) as {
    global: object
    scrape_configs: [{ authorization: object; static_configs: object[] }]
  }
  config.global = { scrape_interval: `${seconds}s`, scrape_timeout: `${seconds}s` }
  config.scrape_configs[0].authorization = { credentials_file: 'key' }
  config.scrape_configs[0].static_configs = [{ targets: [new URL(url).host] }]
  return stringify(config)
}

async function ask(at: string, query: string, until: number): ReturnType<Prometheus['ask']> {
  for (;;) {
    const answer = await get(`${at}/api/v1/query?query=${encodeURIComponent(query)}`)
    const { result = [] } = (answer ?? {}) as { result?: { metric: Record<string, string>; value: [number, string] }[] }
    if (result.length > 0) return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    if (Date.now() > until)
      throw new Error(`no answer to ${query}: ${JSON.stringify(await get(`${at}/api/v1/targets`))}`)
    await sleep(200)
  }
}

/** The data of an answer; undefined while Prometheus does not listen yet. */
async function get(url: string): Promise<unknown> {
  const response = await fetch(url).catch(() => undefined)
  return response?.ok ? ((await response.json()) as { data: unknown }).data : undefined
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

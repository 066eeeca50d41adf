/** Builds and wires every room, and closes them in reverse. The entry of the bundle. */
import { readFileSync, writeSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runtimes } from './api/runtimes.ts'
import type { ImageState } from './api/state.ts'
import type { Backend } from './backend/backend.ts'
import { FakeBackend } from './backend/fake.ts'
import { isMissing } from './base/files.ts'
import { lock } from './base/lock.ts'
import { Scope } from './base/scope.ts'
import { buildOf } from './cli/build.ts'
import { cli } from './cli/cli.ts'
import type { Wiring } from './cli/context.ts'
import { ensureKey } from './cli/key.ts'
import { removeServerFile, serverLock, writeServerFile } from './cli/serverfile.ts'
import type { Config, Loaded } from './config.ts'
import { nameserversOf } from './firecracker/network/addresses.ts'
import { openFirecracker } from './firecracker/open.ts'
import { locateAssets } from './images/assets.ts'
import { locateImage } from './images/image.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import { buildServer, type FastifyTypeBox } from './server/app.ts'

const program = fileURLToPath(import.meta.url)
const root = dirname(dirname(program))
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
const mib = 1 << 20

interface Serving {
  readonly signal: AbortSignal
  readonly say: (words: string) => void
}

/** Runs the server until the signal; then workloads are killed, log streams get their end, and all is closed. */
const serve: Wiring['serve'] = async (loaded, o) => {
  const { config } = loaded
  await using scope = new Scope('server', { undoTimeoutMs: 60_000 })
  await mkdir(config.home, { recursive: true, mode: 0o711 })
  const held = await lock(serverLock(config.home), {
    signal: o.signal,
    onWait: () => o.say(`another server of ${config.home} is running; waiting for its end`),
  })
  scope.defer('let go of the home', async () => held[Symbol.asyncDispose]())
  const app = await open(scope, config, o)
  const url = await listen(app, loaded)
  scope.defer('remove server.json', () => removeServerFile(config.home))
  await writeServerFile(config.home, { url, place: 'host', backend: config.backend, pid: process.pid })
  if (config.ready_fd >= 0) writeSync(config.ready_fd, 'READY=1\n')
  o.say(`the server listens at ${url}`)
  if (!o.signal.aborted) await new Promise((resolve) => o.signal.addEventListener('abort', resolve, { once: true }))
  o.say('the server stops')
}

async function open(scope: Scope, config: Config, { say }: Serving): Promise<FastifyTypeBox> {
  const backend = await openBackend(config)
  scope.defer('close the backend', async () => backend[Symbol.asyncDispose]())
  const left = Object.entries(await backend.cleanup(new Set())).filter(([, count]) => count > 0)
  if (left.length > 0) say(`removed what an earlier server left: ${left.map(([kind, n]) => `${n} ${kind}`).join(', ')}`)
  const capacity = { vms: config['concurrency.vms'], memMib: config['concurrency.mem_mb'] }
  const scheduler = await Scheduler.open({
    home: config.home,
    backend,
    capacity,
    limits: limitsOf(config),
    pending: config['limits.pending'],
    retention: { count: config['retention.count'], bytes: config['retention.mb'] * mib },
  })
  scheduler.facts.on('workload.trouble', ({ id, error }) => say(`workload ${id}: ${wordsOf(error)}`))
  const keySha256 = config['server.key_sha256'] || (await ensureKey(config.home)).sha256
  const app = await buildServer({
    scheduler,
    access: { keySha256, names: config['server.names'] },
    home: config.home,
    node: config.node,
    build: await buildOf({ program, home: config.home }),
    version,
    capacity,
    bodyBytes: config['limits.body_mb'] * mib,
    archiveBytes: config['limits.archive_mb'] * mib,
    heartbeatMs: config['server.heartbeat_ms'],
    images: () => imageStates(config),
    log: (error) => say(wordsOf(error)),
  })
  scope.defer('close the HTTP server', () => app.close())
  // With every run ended, every open log stream has its end; what is still open then is told that the server goes away.
  scope.defer('end the workloads', () => scheduler[Symbol.asyncDispose]())
  // Undone first: whoever comes now is told to come back.
  scope.defer('refuse new requests', () => app.closing.refuse())
  return app
}

async function openBackend(config: Config): Promise<Backend> {
  if (config.backend === 'fake') return new FakeBackend({ node: config.node })
  const backend = await openFirecracker({
    instance: config.instance,
    home: config.home,
    node: config.node,
    assets: await locateAssets(config.home),
    runtimes: runtimes.map(({ name }) => name),
    image: (name) => locateImage(config.home, name),
    ...(config['network.subnet'] === 'auto' ? {} : { subnet: config['network.subnet'] }),
    nameservers: config['network.nameservers'].length > 0 ? config['network.nameservers'] : await hostNameservers(),
  })
  return backend
}

function limitsOf(config: Config) {
  return {
    cpus: config['limits.cpus'],
    memMib: Math.min(config['limits.mem_mb'], config['concurrency.mem_mb']),
    timeoutS: config['limits.timeout_s'],
    diskMib: config['limits.disk_mb'],
    pids: config['limits.pids'],
    outputBytes: config['limits.output_mb'] * mib,
    archiveBytes: config['limits.archive_mb'] * mib,
  }
}

/** A port nobody asked for may be another one when it is taken. */
async function listen(app: FastifyTypeBox, { config, origins }: Loaded): Promise<string> {
  const host = config['server.host']
  try {
    return await app.listen({ host, port: config['server.port'] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || origins['server.port'] !== 'default') throw error
    return app.listen({ host, port: 0 })
  }
}

/** systemd-resolved's own address is a loopback one; what it asks stands in a file beside. */
async function hostNameservers(): Promise<readonly string[]> {
  for (const path of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const found = await readFile(path, 'utf8').then(nameserversOf, (error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    if (found.length > 0) return found
  }
  return []
}

async function imageStates(config: Config): Promise<readonly ImageState[]> {
  return Promise.all(
    runtimes.map(async ({ name }) => {
      const image = await locateImage(config.home, name).catch(() => undefined)
      return { name, ...(image && { digest: image.digest }) }
    }),
  )
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

process.exitCode = await cli(process.argv.slice(2), { root, program, version, serve })

/** Builds and wires the server's rooms, and closes them in reverse. Loaded by `vulcan serve` alone. */
import { writeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runtimes } from '../api/runtimes.ts'
import type { Backend } from '../backend/backend.ts'
import { FakeBackend } from '../backend/fake.ts'
import { Facts } from '../base/facts.ts'
import { ProcessBus } from '../bus/process.ts'
import { lock } from '../base/lock.ts'
import { run } from '../base/process.ts'
import { newSecret } from '../base/proof.ts'
import type { Say } from '../base/say.ts'
import { Scope } from '../base/scope.ts'
import { stackOf } from '../base/words.ts'
import { buildOf } from '../cli/build.ts'
import { type Serving, StoppedBy } from '../cli/context.ts'
import { exits } from '../cli/exits.ts'
import { ensureKey } from '../cli/key.ts'
import { removeServerFile, serverLock, writeServerFile } from '../cli/serverfile.ts'
import { asVariables, type Config, isNotified, limitsOf, type Loaded } from '../config.ts'
import { FirecrackerBackend } from '../firecracker/backend.ts'
import { hostNameservers } from '../firecracker/network/nameservers.ts'
import { tellNews } from '../firecracker/news.ts'
import { openFirecracker } from '../firecracker/open.ts'
import { locateAssets } from '../images/assets.ts'
import { imagesInUse } from '../images/inuse.ts'
import { imageStates } from '../images/states.ts'
import { currentPaths } from '../images/superseded.ts'
import { kvmTrouble } from '../machine/kvm.ts'
import { sweptWords } from '../scheduler/swept.ts'
import { usualRuns } from '../scheduler/admission.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { buildServer, type FastifyTypeBox } from '../server/app.ts'
import type { Capacity } from '../store/leases.ts'
import { Store } from '../store/store.ts'
import { AuditLog } from '../server/audit.ts'
import { announce } from '../server/events.ts'
import { Keyring } from '../server/keyring.ts'
import type { ServerFacts } from '../server/facts.ts'
import { capacityOf } from './capacity.ts'
import { listen } from './listen.ts'
import { observe } from './observe.ts'

const mib = 1 << 20
const dayMs = 24 * 3600 * 1000

/** What the server needs beside its settings. */
export interface ServeOptions extends Serving {
  /** The program's own file, beside which the dashboard is. */
  readonly program: string
  readonly version: string
}

/**
 * Runs the server until the signal; then workloads are killed or handed over, log streams get their end, and all is closed.
 * Resolves with the exit status: a service manager tells by it that the next server is waited for.
 */
export async function serve(loaded: Loaded, o: ServeOptions): Promise<number> {
  const { config } = loaded
  await using scope = new Scope('server', { undoTimeoutMs: 60_000 })
  await mkdir(config.home, { recursive: true, mode: 0o711 })
  const hold = async (name: string, what: string) => {
    const onWait = () => o.say(`another server of ${what} is running; waiting for its end`, 'warning')
    const held = await lock(name, { signal: o.signal, onWait })
    scope.defer(`let go of ${what}`, async () => held[Symbol.asyncDispose]())
  }
  await hold(serverLock(config.home), config.home)
  // Two would take each other's vms for what a crash has left.
  if (config.backend === 'firecracker') await hold(`instance ${config.instance}`, `the instance ${config.instance}`)
  const holds = await currentPaths(config.home)
  const secret = config['server.secret'] || newSecret()
  const app = await open(scope, config, { ...o, secret })
  const service = isNotified()
  const url = await listen(app, loaded, { service, say: o.say })
  scope.defer('remove server.json', () => removeServerFile(config.home))
  const { backend } = config
  const settings = asVariables(loaded)
  const { pid } = process
  await writeServerFile(config.home, { url, place: 'host', backend, secret, pid, service, settings, holds })
  if (config.ready_fd >= 0) writeSync(config.ready_fd, 'READY=1\n')
  // systemd listens on a datagram socket in the file system, which Node does not have: its own tool says it.
  if (service) await run(['systemd-notify', '--ready'], { timeoutMs: 10_000 })
  o.say(`the server listens at ${url}`)
  // Others may read a log.
  if (process.stderr.isTTY) o.say(`its dashboard, once within two minutes: ${url}${app.loginPath()}`)
  if (!o.signal.aborted) await new Promise((resolve) => o.signal.addEventListener('abort', resolve, { once: true }))
  o.say('the server stops')
  return isHandingOver(o.signal) ? exits.handedOver : 0
}

async function open(scope: Scope, config: Config, o: ServeOptions & { secret: string }): Promise<FastifyTypeBox> {
  const { say, signal, diagnose, program, version, secret } = o
  const backend = await openBackend(scope, config, say)
  const store = await Store.open(config.home)
  scope.defer('close the store', () => store[Symbol.asyncDispose]())
  const capacity = await capacityOf(config)
  const scheduler = await openScheduler(config, { backend, store, capacity, say })
  const facts = new Facts<ServerFacts>()
  openAudit(scope, config, { facts, say })
  const metrics = await observe(scope, { backend, scheduler, facts, say, version, node: config.node })
  const log = (error: unknown) => say(stackOf(error), 'error')
  // So many messages are kept for who comes back: some seconds of a busy server.
  const bus = new ProcessBus({ kept: 4096 })
  announce(scheduler.facts, bus, log)
  const localSha256 = config['server.key_sha256'] || (await ensureKey(config.home)).sha256
  const app = await buildServer({
    ...{ scheduler, backend, bus, diagnose },
    access: { keyring: new Keyring({ store, localSha256, log }), names: config['server.names'] },
    failuresPerMinute: config['server.failures_per_minute'],
    trustedProxies: config['server.trusted_proxies'],
    dashboard: join(dirname(program), 'dashboard'),
    home: config.home,
    node: config.node,
    build: await buildOf({ program, home: config.home }),
    ...{ version, secret },
    ...{ capacity, limits: limitsOf(config) },
    bodyBytes: config['limits.body_mb'] * mib,
    archiveBytes: config['limits.archive_mb'] * mib,
    heartbeatMs: config['server.heartbeat_ms'],
    ...{ facts, metrics },
    images: () => imageStates(config.home),
    log,
  })
  scope.defer('close the HTTP server', () => app.close())
  // Before it, so that streams of events end rather than break off.
  scope.defer('close the bus', () => bus[Symbol.asyncDispose]())
  scope.defer('end the workloads', () => end(scheduler, signal))
  // Undone first: whoever comes is told to come back. With every run ended or let go of, no request waits for one.
  scope.defer('refuse new requests', () => app.closing.refuse())
  await scheduler.start()
  if (config['pool.prefill']) backend.keepReady(usualRuns(limitsOf(config))).catch(log)
  return app
}

interface Parts {
  readonly backend: Backend
  readonly say: Say
}

/** Every call that changes something, for as long as the server answers. */
function openAudit(scope: Scope, config: Config, o: { facts: Facts<ServerFacts>; say: Say }): void {
  const audit = new AuditLog({
    path: join(config.home, 'audit.log'),
    fileBytes: config['audit.mb'] * mib,
    files: config['audit.files'],
    log: (error) => o.say(stackOf(error), 'error'),
  })
  scope.defer('close the audit log', async () => audit[Symbol.dispose]())
  o.facts.on('call.made', (call) => audit.write(call))
}

async function openScheduler(config: Config, o: Parts & { store: Store; capacity: Capacity }): Promise<Scheduler> {
  const { backend, store, capacity, say } = o
  const scheduler = await Scheduler.open({
    home: config.home,
    node: config.node,
    store,
    backend,
    capacity,
    limits: limitsOf(config),
    pending: config['limits.pending'],
    retention: {
      count: config['retention.count'],
      bytes: config['retention.mb'] * mib,
      ageMs: config['retention.days'] * dayMs,
      requests: config['retention.requests'],
    },
  })
  scheduler.facts.on('workload.trouble', ({ id, error }) => say(`workload ${id}: ${stackOf(error)}`, 'error'))
  let said = ''
  scheduler.facts.on('leftovers.swept', ({ found }) => {
    const words = sweptWords(found)
    // What cannot be removed is tried again and again.
    if (words !== said) say(words, found.some(({ trouble }) => trouble !== undefined) ? 'warning' : 'info')
    said = words
  })
  return scheduler
}

/** Told to terminate, a server hands its runs over to the next one; interrupted, it kills them. */
const isHandingOver = ({ reason }: AbortSignal) => reason instanceof StoppedBy && reason.signal === 'SIGTERM'

async function end(scheduler: Scheduler, signal: AbortSignal): Promise<void> {
  if (isHandingOver(signal)) await scheduler.release()
  await scheduler[Symbol.asyncDispose]()
}

async function openBackend(scope: Scope, config: Config, say: Say): Promise<Backend> {
  const backend = config.backend === 'fake' ? new FakeBackend({ node: config.node }) : await openVms(config, say)
  scope.defer('close the backend', async () => backend[Symbol.asyncDispose]())
  return backend
}

async function openVms(config: Config, say: Say): Promise<FirecrackerBackend> {
  const backend = await openFirecracker({
    instance: config.instance,
    home: config.home,
    node: config.node,
    assets: await locateAssets(config.home),
    runtimes: runtimes.map(({ name }) => name),
    image: imagesInUse(config.home),
    trouble: kvmTrouble,
    ...(config['network.subnet'] === 'auto' ? {} : { subnet: config['network.subnet'] }),
    cgroup: config.cgroup,
    templates: config.templates,
    pool: { most: config['pool.vms'], memMib: config['pool.mem_mb'] },
    nameservers: config['network.nameservers'].length > 0 ? config['network.nameservers'] : await hostNameservers(),
  })
  tellNews(backend.facts, say)
  return backend
}

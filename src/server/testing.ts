/** A whole server on the fake backend in a temporary folder, for tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { denialRules, type DenialRule } from '../api/denial.ts'
import { FakeBackend } from '../backend/fake.ts'
import { Facts } from '../base/facts.ts'
import { sha256 } from '../base/files.ts'
import { ProcessBus } from '../bus/process.ts'
import type { SchedulerOptions } from '../scheduler/options.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { testSettings } from '../scheduler/testing.ts'
import { Store } from '../store/store.ts'
import { buildServer, type FastifyTypeBox, type ServerOptions } from './app.ts'
import { announce } from './events.ts'
import type { ServerFacts } from './facts.ts'
import { Keyring } from './keyring.ts'
import { Metrics } from './metrics/metrics.ts'

export const testKey = 'vk_test'
export const testSecret = 'of the tests'
export const failuresPerMinute = 30

export interface TestServer extends AsyncDisposable {
  readonly app: FastifyTypeBox
  readonly scheduler: Scheduler
  readonly backend: FakeBackend
  readonly metrics: Metrics
  readonly home: string
  /** Errors that went to the log. */
  readonly logged: unknown[]
}

export async function testServer(
  changes: { scheduler?: Partial<SchedulerOptions>; server?: Partial<ServerOptions> } = {},
): Promise<TestServer> {
  const home = changes.scheduler?.home ?? (await mkdtemp(join(tmpdir(), 'vulcan-test-')))
  const backend = new FakeBackend()
  const store = await Store.open(home)
  const scheduler = await Scheduler.open({
    ...testSettings,
    home,
    node: 'test',

    store,
    backend,
    pending: 16,
    ...changes.scheduler,
  })
  await scheduler.start()
  const logged: unknown[] = []
  const log = (error: unknown) => logged.push(error)
  const facts = new Facts<ServerFacts>()
  const refused = async () => refusals({ private: 2, metadata: 1 })
  const leftovers = () => scheduler.cleanup({ dryRun: true })
  const metrics = new Metrics({
    version: '0',
    load: () => scheduler.load(),
    pool: () => backend.pool(),
    leftovers,
    refused,
    log,
  })
  metrics.subscribe({ scheduler: scheduler.facts, server: facts })
  const bus = new ProcessBus({ kept: 100 })
  announce(scheduler.facts, bus, log)
  const app = await buildServer({
    ...{ bus, scheduler, backend },
    diagnose: () => Promise.resolve([]),
    access: { keyring: new Keyring({ store, localSha256: sha256(testKey), log }), names: [] },
    failuresPerMinute,
    home,
    node: 'test',
    build: 'build',
    version: '0',
    secret: testSecret,
    capacity: testSettings.capacity,
    limits: testSettings.limits,
    bodyBytes: 1 << 20,
    archiveBytes: 1 << 20,
    heartbeatMs: 10_000,
    images: () => Promise.resolve([]),
    facts,
    metrics,
    log,
    ...changes.server,
  })
  return {
    app,
    scheduler,
    backend,
    metrics,
    home,
    logged,
    async [Symbol.asyncDispose]() {
      await scheduler[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
      await app.close()
      await store[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true })
    },
  }
}

export const authorization = { authorization: `Bearer ${testKey}`, host: 'localhost' }

/** Disposed of, it breaks every connection and takes no more. */
export interface Door extends AsyncDisposable {
  readonly url: string
  /** Connections so far. */
  readonly passed: () => number
}

/** A door before a server that lets so many bytes of each answer through and then breaks the connection. */
export async function breakingDoor(url: string, cuts: readonly number[]): Promise<Door> {
  let count = 0
  const open = new Set<Socket>()
  const door = createServer((outside) => {
    const cut = cuts[count++] ?? Infinity
    const inside = connect(Number(new URL(url).port), '127.0.0.1')
    open.add(outside)
    outside.pipe(inside)
    let passed = 0
    inside.on('data', (chunk: Buffer) => {
      outside.write(chunk.subarray(0, Math.max(0, cut - passed)))
      passed += chunk.length
      if (passed >= cut) {
        outside.destroy()
        inside.destroy()
      }
    })
    inside.on('error', () => outside.destroy())
    inside.on('close', () => outside.end())
    outside.on('error', () => inside.destroy())
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  return {
    url: `http://127.0.0.1:${(door.address() as { port: number }).port}`,
    passed: () => count,
    async [Symbol.asyncDispose]() {
      door.close()
      for (const socket of open) socket.destroy()
      if (door.listening) await once(door, 'close')
    },
  }
}

const refusals = (counts: Partial<Record<DenialRule, number>>): Record<DenialRule, number> =>
  Object.fromEntries(denialRules.map((rule) => [rule, counts[rule] ?? 0])) as Record<DenialRule, number>

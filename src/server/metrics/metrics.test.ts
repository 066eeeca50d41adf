import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Client } from '../../api/client.ts'
import type { WorkloadRecord } from '../../api/workload.ts'
import { noPool } from '../../backend/warm.ts'
import { Facts } from '../../base/facts.ts'
import type { SchedulerFacts } from '../../scheduler/options.ts'
import type { ServerFacts } from '../facts.ts'
import { authorization, testKey, testServer, type TestServer } from '../testing.ts'
import { Metrics } from './metrics.ts'
import { Scrape } from './testing.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
})

async function scrape(): Promise<Scrape> {
  // An end is counted after it was answered, which over a network is before any other request.
  await turn()
  const response = await server.app.inject({ url: '/metrics', headers: authorization })
  expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  return new Scrape(response.body)
}

async function run(code: string, runtime = 'python'): Promise<WorkloadRecord> {
  const payload = { runtime, code }
  return (await server.app.inject({ method: 'POST', url: '/v1/workloads', headers: authorization, payload })).json()
}

const total = (records: readonly WorkloadRecord[], figure: (record: WorkloadRecord) => number | undefined): number =>
  records.reduce((sum, record) => sum + (figure(record) ?? 0), 0)

test('the figures of metrics are those of the records', async () => {
  const records = await Promise.all([
    run('# fake: start 20\n# fake: print a'),
    run('# fake: start 10\n# fake: exit 3'),
    run('// fake: oom', 'node'),
    run('# fake: vm_lost'),
  ])
  const seen = await scrape()
  expect(seen.sum('vulcan_workloads_accepted_total')).toBe(4)
  expect(seen.sum('vulcan_workloads_total', { runtime: 'python', status: 'completed', by: 'program' })).toBe(1)
  expect(seen.sum('vulcan_workloads_total', { runtime: 'python', status: 'failed', by: 'program' })).toBe(1)
  expect(seen.sum('vulcan_workloads_total', { runtime: 'node', status: 'failed', by: 'oom' })).toBe(1)
  expect(seen.sum('vulcan_workloads_total', { status: 'failed', by: 'vm_lost' })).toBe(1)
  expect(seen.sum('vulcan_workloads_total')).toBe(4)
  for (const phase of ['queue', 'vm', 'program']) {
    const ms = total(records, ({ run }) => run?.phases_ms[phase])
    expect(seen.sum('vulcan_phase_seconds_sum', { phase }), phase).toBeCloseTo(ms / 1000, 9)
    expect(seen.sum('vulcan_phase_seconds_count', { phase }), phase).toBe(4)
  }
  const bootMs = total(records, ({ run }) => run?.boot_ms)
  expect(bootMs).toBeGreaterThan(0)
  expect(seen.sum('vulcan_vm_boot_seconds_sum', { start: 'boot' })).toBeCloseTo(bootMs / 1000, 9)
  expect(seen.sum('vulcan_vm_boot_seconds_count', { start: 'boot', runtime: 'node' })).toBe(1)
  const lived = total(records, (record) => Date.parse(record.finished_at!) - Date.parse(record.created_at))
  expect(seen.sum('vulcan_workload_duration_seconds_sum')).toBeCloseTo(lived / 1000, 9)
  expect(seen.sum('vulcan_vsock_rtt_seconds_count')).toBe(4)
})

test('a start that failed counts by its step and has no phases; one that is tried again counts apart', async () => {
  const { exit } = await run('# fake: fail no kernel')
  const seen = await scrape()
  expect(exit).toMatchObject({ by: 'start_failed', step: 'fake' })
  expect(seen.sum('vulcan_vm_start_failures_total', { step: 'fake' })).toBe(1)
  expect(seen.sum('vulcan_workloads_total', { by: 'start_failed' })).toBe(1)
  expect(seen.sum('vulcan_vm_boot_seconds_count')).toBeUndefined()
  expect(seen.sum('vulcan_vm_start_retries_total')).toBeUndefined()
})

test('what has never happened is there as zero, so that its first time is seen', async () => {
  const seen = await scrape()
  expect(seen.sum('vulcan_workloads_total', { runtime: 'go', status: 'failed', by: 'vm_lost' })).toBe(0)
  expect(seen.sum('vulcan_workloads_total', { runtime: 'go', status: 'killed', by: 'killed' })).toBe(0)
  expect(seen.sum('vulcan_workloads_accepted_total', { runtime: 'go' })).toBe(0)
})

test('gauges say what is true now: vms by what they do, who waits, who follows a log', async () => {
  await server[Symbol.asyncDispose]()
  server = await testServer({
    scheduler: { capacity: { vms: 2, starting: 2, cpus: 64, memMib: 8192, diskMib: 1 << 20, overheadMib: 96 } },
  })
  const api = new Client({ url: await server.app.listen({ host: '127.0.0.1', port: 0 }), key: testKey })
  const runs = await api.submit({ runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' })
  await api.submit({ runtime: 'python', code: '# fake: start 600000' })
  await api.submit({ runtime: 'python', code: '# fake: print later' })
  for await (const { event } of api.logs(runs.id)) {
    if (event !== 'stdout') continue
    expect((await scrape()).sum('vulcan_log_streams_open')).toBe(1)
    break
  }
  const seen = await scrape()
  expect(seen.sum('vulcan_vms_active', { state: 'running' })).toBe(1)
  expect(seen.sum('vulcan_vms_active', { state: 'starting' })).toBe(1)
  expect(seen.sum('vulcan_queue_depth')).toBe(1)
  const ended = api.logs(runs.id)
  await api.kill(runs.id)
  for await (const { event } of ended) if (event === 'end') break
  await server.scheduler.ended(runs.id, AbortSignal.timeout(5000))
  expect((await scrape()).sum('vulcan_workloads_total', { status: 'killed', by: 'killed' })).toBe(1)
})

test('what vms have left is counted by kind, and gone from the count when it was removed', async () => {
  const spec = {
    args: [],
    env: {},
    network: { mode: 'none', allow: [] },
    outputLimitBytes: 1,
    entrypoint: 'main.py',
  } as const
  const resources = { cpus: 1, memMib: 32, timeoutMs: 600_000, diskMib: 16, pids: 8 }
  const source = { kind: 'code', name: 'main.py', content: Buffer.from('# fake: sleep 600000') } as const
  await server.backend.execute({ id: 'lost', runtime: 'python', source, resources, ...spec }, AbortSignal.timeout(5000))
  expect((await scrape()).sum('vulcan_leftovers', { kind: 'process' })).toBe(1)
  await server.scheduler.cleanup()
  expect((await scrape()).sum('vulcan_leftovers', { kind: 'process' })).toBe(0)
})

test('what waits for workloads is counted by runtime, and what made it possible is timed', async () => {
  expect((await scrape()).sum('vulcan_pool_vms', { runtime: 'python', state: 'ready' })).toBe(0)
  await run('# fake: ready 2')
  server.metrics.templateBuilt({ runtime: 'python', ms: 7000 })
  const seen = await scrape()
  expect(seen.sum('vulcan_pool_vms', { runtime: 'python', state: 'ready' })).toBe(2)
  expect(seen.sum('vulcan_pool_vms', { runtime: 'node', state: 'ready' })).toBe(0)
  expect(seen.sum('vulcan_template_build_seconds_sum', { runtime: 'python' })).toBe(7)
  await server.backend.drain()
  expect((await scrape()).sum('vulcan_pool_vms', { runtime: 'python', state: 'ready' })).toBe(0)
})

test('what the firewall refused is counted by the rule that did; a rule that never did is there as zero', async () => {
  const seen = await scrape()
  expect(seen.sum('vulcan_egress_denied_total')).toBe(3)
  expect(seen.sum('vulcan_network_denied_total', { rule: 'private' })).toBe(2)
  expect(seen.sum('vulcan_network_denied_total', { rule: 'metadata' })).toBe(1)
  expect(seen.sum('vulcan_network_denied_total', { rule: 'guest' })).toBe(0)
})

test('requests are counted by the pattern of their route, and no label holds the id of a workload', async () => {
  const { id } = await run('# fake: print a')
  for (const url of [`/v1/workloads/${id}`, `/v1/workloads/${id}/logs`, `/nothing/${id}`, '/v1/workloads/nobody'])
    await server.app.inject({ url, headers: authorization })
  await server.app.inject({ url: '/v1/workloads', headers: { host: 'localhost' } })
  const seen = await scrape()
  const count = (labels: Record<string, string>) => seen.sum('vulcan_http_request_duration_seconds_count', labels)
  expect(count({ method: 'POST', route: '/v1/workloads', status: '200' })).toBe(1)
  expect(count({ method: 'GET', route: '/v1/workloads/:id', status: '200' })).toBe(1)
  expect(count({ method: 'GET', route: '/v1/workloads/:id', status: '404' })).toBe(1)
  expect(count({ method: 'GET', route: '/v1/workloads/:id/logs', status: '200' })).toBe(1)
  expect(count({ method: 'GET', route: '/v1/workloads', status: '401' })).toBe(1)
  expect(count({ route: 'unmatched', status: '404' })).toBe(1)
  expect(seen.sum('vulcan_log_streams_open')).toBe(0)
  expect(seen.words().filter((word) => word.includes(id))).toEqual([])
})

test('a source that cannot be read takes only its own metric with it, and says why', async () => {
  const told: string[] = []
  const metrics = new Metrics({
    version: '1',
    load: async () => ({ vms: 0, starting: 0, pending: 7 }),
    leftovers: () => Promise.reject(new Error('no cgroups')),
    refused: () => Promise.reject(new Error('no nft')),
    pool: () => noPool,
    log: (error) => told.push(String(error)),
  })
  const scheduler = new Facts<SchedulerFacts>()
  metrics.subscribe({ scheduler, server: new Facts<ServerFacts>() })
  metrics.retried('boot')
  const seen = new Scrape(await metrics.text())
  expect(told.sort()).toEqual(['Error: no cgroups', 'Error: no nft'])
  expect(seen.sum('vulcan_leftovers')).toBeUndefined()
  expect(seen.sum('vulcan_queue_depth')).toBe(7)
  expect(seen.sum('vulcan_vm_start_retries_total', { step: 'boot' })).toBe(1)
  expect(seen.sum('vulcan_build_info', { version: '1' })).toBe(1)
})

/** Criterion 9: Prometheus metrics with Firecracker's own figures, the same as in the record. */
import { beforeAll, expect, test } from 'vitest'
import { Scrape } from '../../src/server/metrics/testing.ts'
import { complaintsOf, startPrometheus } from '../prometheus.ts'
import { client, python, server, settled } from './harness.ts'

beforeAll(async () => {
  expect(await settled(), 'something still ran before these tests began').toEqual([])
})

async function scrape(): Promise<Scrape> {
  const { url, key } = await server()
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  expect(response.status).toBe(200)
  return new Scrape(await response.text())
}

/** How much a series grew from one scrape to the next. */
const growth =
  (before: Scrape, after: Scrape) =>
  (name: string, labels: Record<string, string> = {}) =>
    (after.sum(name, labels) ?? 0) - (before.sum(name, labels) ?? 0)

/** Starts a program that waits, and resolves when it runs. */
async function waiting(): Promise<string> {
  const api = await client()
  const code = 'print("up", flush=True)\nimport time; time.sleep(600)'
  const { id } = await api.submit({ runtime: 'python', network: 'none', resources: { timeout_s: 700 }, code })
  for await (const event of api.logs(id)) if (event.event === 'stdout') break
  return id
}

test('a run adds to boot time, vsock latency and phases exactly what its record says', async () => {
  const before = await scrape()
  const { run } = await python('print(1)')
  // Who waits for an end is answered before the metrics hear of it.
  const counted = async () => growth(before, await scrape())('vulcan_workloads_total')
  await expect.poll(counted, { timeout: 60_000, interval: 500 }).toBe(1)
  const after = await scrape()
  const grew = growth(before, after)
  expect(run?.boot_ms).toBeGreaterThan(0)
  expect(grew('vulcan_vm_boot_seconds_count', { start: run!.start, runtime: 'python' })).toBe(1)
  expect(grew('vulcan_vm_boot_seconds_sum')).toBeCloseTo(run!.boot_ms / 1000, 6)
  expect(run?.vsock.rtt_us).toBeGreaterThan(0)
  expect(grew('vulcan_vsock_rtt_seconds_sum')).toBeCloseTo(run!.vsock.rtt_us / 1e6, 6)
  for (const phase of ['queue', 'vm', 'jailer', 'upload', 'program'])
    expect(grew('vulcan_phase_seconds_sum', { phase }), phase).toBeCloseTo(run!.phases_ms[phase]! / 1000, 6)
  expect(grew('vulcan_workloads_total', { runtime: 'python', status: 'completed', by: 'program' })).toBe(1)
  expect(after.sum('vulcan_leftovers', { kind: 'jail' })).toBe(0)
  expect(complaintsOf(after.text)).toBe('')
})

test('a vm is active while it runs, and no longer; how it ended is counted', async () => {
  const before = await scrape()
  const id = await waiting()
  expect((await scrape()).sum('vulcan_vms_active', { state: 'running' })).toBe(1)
  await (await client()).kill(id)
  // It is counted once its record is kept, which is a little after its log has ended.
  const counted = async () =>
    growth(before, await scrape())('vulcan_workloads_total', { status: 'killed', by: 'killed' })
  await expect.poll(counted, { timeout: 60_000, interval: 500 }).toBe(1)
  const after = await scrape()
  expect(after.sum('vulcan_vms_active', { state: 'running' })).toBe(0)
  expect(after.words().filter((word) => word.includes(id))).toEqual([])
})

test('what the firewall refuses is counted', async () => {
  const before = await scrape()
  const code =
    'import socket\ntry: socket.create_connection(("10.1.2.3", 80), timeout=20)\nexcept OSError as e: print(e)'
  expect(await python(code, { network: 'internet' })).toMatchObject({ status: 'completed' })
  expect(growth(before, await scrape())('vulcan_egress_denied_total')).toBeGreaterThan(0)
})

test('a real Prometheus scrapes the server with its key and has nothing to complain of', async () => {
  const { run } = await python('print(1)')
  await using prometheus = await startPrometheus(await server(), 10)
  expect(await prometheus.ask('up{job="vulcan"} == 1', 120_000)).toHaveLength(1)
  const [boots] = await prometheus.ask('sum(vulcan_vm_boot_seconds_count)', 30_000)
  expect(boots?.value).toBeGreaterThan(0)
  const [slowest] = await prometheus.ask('max(vulcan_vm_boot_seconds_sum)', 30_000)
  expect(slowest?.value).toBeGreaterThanOrEqual(run!.boot_ms / 1000)
})

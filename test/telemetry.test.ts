/** What an operator sees of a server in a process of its own, on the fake backend: metrics by a real scrape, traces by OTLP. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Client } from '../src/api/client.ts'
import type { WorkloadRecord } from '../src/api/workload.ts'
import { Scrape } from '../src/server/metrics/testing.ts'
import { lacks } from './programs.ts'
import { complaintsOf, startPrometheus } from './prometheus.ts'

const main = resolve(import.meta.dirname, '..', 'src', 'main.ts')

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vulcan-telemetry-'))
})
afterEach(() => rm(home, { recursive: true }))

interface Served extends AsyncDisposable {
  readonly url: string
  readonly key: string
  /** What the process has said so far, all of it once it was disposed of. */
  readonly said: () => string
}

/** Names every module of the telemetry SDK as it is asked for. */
const watcher = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  const resolve = (name, context, next) => {
    if (/@opentelemetry\\/(?!api)/.test(name)) process.stderr.write('asked for ' + name + '\\n')
    return next(name, context)
  }
  registerHooks({ resolve })`)}`

/** A server in a process of its own; resolves when it listens. Disposing of it stops it as `vulcan down` does. */
async function serve(env: Record<string, string> = {}): Promise<Served> {
  const settings = { VULCAN_HOME: home, VULCAN_BACKEND: 'fake', VULCAN_SERVER_PORT: '0', VULCAN_READY_FD: '3' }
  const child = spawn(process.execPath, ['--import', watcher, main, 'serve'], {
    env: { PATH: process.env['PATH'], ...settings, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()))
  const closed = once(child, 'close')
  const first = await Promise.race([once(child.stdio[3] as Readable, 'data'), closed])
  if (child.exitCode !== null) throw new Error(`the server ended with ${String(first[0])}: ${said}`)
  const { url } = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { url: string }
  return {
    url,
    key: (await readFile(join(home, 'key'), 'utf8')).trim(),
    said: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await closed
    },
  }
}

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status?: { readonly code?: number; readonly message?: string }
}
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] }
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

/** A collector on loopback that keeps what it is sent. */
async function collector() {
  const received: { path: string; body: Sent }[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      received.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(parts).toString()) as Sent })
      response.setHeader('content-type', 'application/json').end('{}')
    })()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    spans: () =>
      received.flatMap(({ body }) => body.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans))),
    [Symbol.dispose]: () => server.close(),
  }
}

async function post({ url, key }: Served, code: string, headers: Record<string, string> = {}): Promise<WorkloadRecord> {
  const response = await fetch(`${url}/v1/workloads`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ runtime: 'python', code }),
  })
  return (await response.json()) as WorkloadRecord
}

const lengthMs = (span: Span): number => Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6

describe('traces', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'

  test('with an endpoint, a workload is a span in its caller’s trace, and its phases are spans within, as the record says', async () => {
    using collected = await collector()
    let record: WorkloadRecord
    let failed: WorkloadRecord
    {
      await using served = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: collected.endpoint })
      const caller = { traceparent: `00-${trace}-00f067aa0ba902b7-01` }
      record = await post(served, '# fake: start 30\n# fake: sleep 20', caller)
      failed = await post(served, '# fake: fail no kernel', { traceparent: 'nonsense' })
      expect(served.said()).toContain('asked for @opentelemetry/sdk-trace')
    }
    expect(collected.received.map(({ path }) => path)).toContain('/v1/traces')
    const { attributes } = collected.received[0]!.body.resourceSpans[0]!.resource
    expect(attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'vulcan' } })

    const spans = collected.spans().filter(({ traceId }) => traceId === trace)
    const root = spans.find(({ name }) => name === 'run python')
    expect(root).toMatchObject({ parentSpanId: '00f067aa0ba902b7' })
    expect(lengthMs(root!)).toBe(Date.parse(record.finished_at!) - Date.parse(record.created_at))
    const phases = Object.entries(record.run!.phases_ms)
    expect(spans.map(({ name }) => name).sort()).toEqual(['run python', ...phases.map(([name]) => name)].sort())
    for (const [name, ms] of phases) {
      const span = spans.find((span) => span.name === name)!
      expect(span.parentSpanId, name).toBe(root!.spanId)
      expect(lengthMs(span), name).toBeCloseTo(ms, 3)
      const begun = Number(BigInt(span.startTimeUnixNano) - BigInt(root!.startTimeUnixNano)) / 1e6
      expect(begun, name).toBeCloseTo(record.run!.phases_at_ms![name]!, 3)
    }

    const other = collected.spans().filter(({ traceId }) => traceId !== trace)
    expect(other).toMatchObject([{ name: 'run python', status: { code: 2, message: failed.exit?.message } }])
    expect(other[0]?.parentSpanId ?? '').toBe('')
  })

  test('without one, nothing of the SDK is loaded', async () => {
    const served = await serve({ OTEL_SERVICE_NAME: 'mine' })
    await post(served, '# fake: print a', { traceparent: `00-${trace}-00f067aa0ba902b7-01` })
    await served[Symbol.asyncDispose]()
    expect(served.said()).toContain('the server listens')
    expect(served.said()).not.toContain('asked for')
  })

  test('a collector that does not answer holds nothing up but is named', async () => {
    const served = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '500' })
    expect(await post(served, '# fake: print a')).toMatchObject({ status: 'completed' })
    await served[Symbol.asyncDispose]()
    expect(served.said()).toContain('traces: ')
  })
})

describe('metrics', () => {
  async function scraped({ url, key }: Served): Promise<Scrape> {
    const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
    expect(response.status).toBe(200)
    return new Scrape(await response.text())
  }

  test('those of the process are there beside ours, and Prometheus’s own check has nothing to say', async () => {
    await using served = await serve()
    for (const code of ['print a', 'exit 3', 'fail no kernel', 'oom', 'vm_lost']) await post(served, `# fake: ${code}`)
    // Who waits for an end is answered before the metrics hear of it.
    await expect.poll(async () => (await scraped(served)).sum('vulcan_workloads_total')).toBe(5)
    const seen = await scraped(served)
    for (const name of ['process_cpu_seconds_total', 'process_open_fds', 'nodejs_eventloop_lag_p99_seconds'])
      expect(seen.sum(name), name).toBeGreaterThanOrEqual(0)
    if (!lacks('promtool')) expect(complaintsOf(seen.text)).toBe('')
  })

  test.skipIf(lacks('prometheus'))('a real Prometheus scrapes them with the key', async () => {
    await using served = await serve()
    const { id } = await new Client(served).submit({
      runtime: 'python',
      code: '# fake: print up\n# fake: sleep 600000',
    })
    await post(served, '# fake: print a')
    await using prometheus = await startPrometheus(served, 1)
    const [up] = await prometheus.ask('up == 1', 15_000)
    expect(up?.metric).toMatchObject({ job: 'vulcan', instance: new URL(served.url).host })
    const ended = await prometheus.ask('vulcan_workloads_total{by="program",status="completed",runtime="python"}', 1000)
    expect(ended.map(({ value }) => value)).toEqual([1])
    expect(await prometheus.ask('vulcan_vms_active{state="running"}', 1000)).toMatchObject([{ value: 1 }])
    await new Client(served).kill(id)
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Problem } from '../api/problem.ts'
import type { WorkloadRecord } from '../api/workload.ts'
import { testSettings } from '../scheduler/testing.ts'
import { authorization, testServer, type TestServer } from './testing.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  expect(server.logged).toEqual([])
})

async function post(body: unknown, path = '/v1/workloads', headers: Record<string, string> = {}) {
  return server.app.inject({
    method: 'POST',
    url: path,
    headers: { ...authorization, ...headers },
    payload: body as object,
  })
}

const run = async (code: string, more: object = {}): Promise<WorkloadRecord> => {
  const response = await post({ runtime: 'python', code, ...more })
  expect(response.statusCode).toBe(200)
  return response.json()
}

const faultsOf = async (body: unknown): Promise<{ status: number; code: string; paths: string[] }> => {
  const response = await post(body)
  const problem = response.json<Problem>()
  expect(response.headers['content-type']).toContain('application/problem+json')
  return {
    status: response.statusCode,
    code: problem.code,
    paths: (problem.errors ?? []).map(({ path }) => path).sort(),
  }
}

describe('running', () => {
  test('a program that ends with 0 is completed, with its output, times and run', async () => {
    const record = await run('# fake: print hello\n# fake: error oops')
    expect(record).toMatchObject({
      status: 'completed',
      exit: { by: 'program', code: 0 },
      stdout: 'hello\n',
      stderr: 'oops\n',
      resources: { cpus: 1, mem_mb: 256 },
      dropped_bytes: { stdout: 0, stderr: 0 },
      run: { backend: 'fake', vsock: { status: 'closed' }, usage: { cpu_ms: 1 } },
    })
    expect(Object.keys(record.run?.phases_ms ?? {})).toEqual(['queue', 'vm', 'program', 'collect'])
    expect(Object.keys(record.run?.phases_at_ms ?? {})).toEqual(['queue', 'vm', 'program', 'collect'])
    expect(record.started_at! >= record.created_at && record.finished_at! >= record.started_at!).toBe(true)
  })

  test.each([
    ['exit 3', { by: 'program', code: 3 }],
    ['signal SIGSEGV', { by: 'program', signal: 'SIGSEGV' }],
    ['oom', { by: 'oom' }],
    ['disk_full', { by: 'disk_full' }],
    ['vm_lost', { by: 'vm_lost' }],
    ['fail no kernel', { by: 'start_failed', message: 'vm_start_failed: no kernel', step: 'fake' }],
  ])('%s is failed', async (directive, exit) => {
    const record = await run(`# fake: ${directive}`)
    expect(record).toMatchObject({ status: 'failed', exit })
  })

  test('a program that runs too long ends by timeout', async () => {
    const record = await run('# fake: sleep 60000', { resources: { timeout_s: 0.1 } })
    expect(record).toMatchObject({ status: 'failed', exit: { by: 'timeout' } })
  })

  test('output over the limit ends the program, and what was dropped is counted', async () => {
    const record = await run('# fake: flood 3000000')
    expect(record).toMatchObject({ status: 'failed', exit: { by: 'output_limit' } })
    const shown = record.stdout.replaceAll(/\n\[[^\]]*\]\n/g, '')
    expect(shown).toBe('x'.repeat(128 * 1024))
    expect(record.dropped_bytes.stdout).toBeGreaterThanOrEqual((1 << 20) - shown.length)
  })

  test('args, env, stdin, input and result go through', async () => {
    const record = await run('# fake: spec\n# fake: stdin\n# fake: result {"a":[1,null]}', {
      args: ['a b', ''],
      env: { K: 'v=w' },
      input: { n: 1 },
    })
    expect(record.stdout).toBe(
      '{"args":["a b",""],"env":{"K":"v=w"},"entrypoint":"main.py"}\n'.replace('\n', '') + '{"n":1}',
    )
    expect(record.result).toEqual({ a: [1, null] })
  })

  test('wait_s bounds the wait: 202 and the record so far', async () => {
    const response = await post({ runtime: 'node', code: '// fake: sleep 60000' }, '/v1/workloads?wait_s=0.05')
    expect(response.statusCode).toBe(202)
    expect(['pending', 'running']).toContain(response.json<WorkloadRecord>().status)
  })

  test('DELETE kills once; then it has ended', async () => {
    const { id } = (await post({ runtime: 'go', code: '// fake: sleep 60000' }, '/v1/workloads/async')).json<{
      id: string
    }>()
    const kill = () => server.app.inject({ method: 'DELETE', url: `/v1/workloads/${id}`, headers: authorization })
    expect((await kill()).statusCode).toBe(202)
    await server.scheduler.ended(id, AbortSignal.timeout(5000))
    expect(await server.scheduler.record(id)).toMatchObject({ status: 'killed', exit: { by: 'killed' } })
    expect((await kill()).json()).toMatchObject({ status: 409, code: 'already_ended' })
  })

  test('too much at once is 503 with Retry-After, and stats tell how full it is', async () => {
    await using full = await testServer({
      scheduler: {
        capacity: { vms: 1, starting: 1, cpus: 8, memMib: 8192, diskMib: 1 << 20, overheadMib: 96 },
        pending: 1,
      },
    })
    const submit = () =>
      full.app.inject({
        method: 'POST',
        url: '/v1/workloads/async',
        headers: authorization,
        payload: { runtime: 'python', code: '# fake: sleep 600000' },
      })
    await submit()
    await submit()
    const refused = await submit()
    expect(refused.json()).toMatchObject({ status: 503, code: 'overloaded', retry: true })
    expect(refused.headers['retry-after']).toBe('1')
    const stats = await full.app.inject({ url: '/v1/stats', headers: authorization })
    expect(stats.json()).toMatchObject({
      workloads: { completed: 0, failed: 0, killed: 0 },
      queue: { waiting: 1 },
      vms: { running: 1 },
      mem_mb: { used: 256 + 96 },
      limits: { cpus: testSettings.limits.cpus, mem_mb: testSettings.limits.memMib },
    })
    const { pending, running } = stats.json<{ workloads: { pending: number; running: number } }>().workloads
    expect(pending + running).toBe(2)
  })

  test('the same idempotency key gives the same workload, with another body a conflict', async () => {
    const body = { runtime: 'python', code: '# fake: print once', idempotency_key: 'k' }
    const [first, second] = await Promise.all([post(body), post(body)])
    expect(first.json<WorkloadRecord>().id).toBe(second.json<WorkloadRecord>().id)
    const { idempotency_key: _, ...bare } = body
    const byHeader = await post(bare, '/v1/workloads', { 'idempotency-key': 'k' })
    expect(byHeader.json<WorkloadRecord>().id).toBe(first.json<WorkloadRecord>().id)
    // Its bytes on the wire are those of the body.
    const accented = await post({ ...body, idempotency_key: 'clé' })
    const onTheWire = { 'idempotency-key': Buffer.from('clé').toString('latin1') }
    const again = await post(bare, '/v1/workloads', onTheWire)
    expect(again.json<WorkloadRecord>().id).toBe(accented.json<WorkloadRecord>().id)
    expect(await faultsOf({ ...body, code: '# other' })).toMatchObject({ status: 409, code: 'idempotency_conflict' })
  })
})

describe('bad requests', () => {
  const good = { runtime: 'python', code: 'x' }
  test.each<[string, object, string[]]>([
    ['unknown field', { ...good, colour: 'red' }, ['/colour']],
    ['unknown field of resources', { ...good, resources: { ram: 1 } }, ['/resources/ram']],
    ['no runtime', { code: 'x' }, ['/runtime']],
    ['wrong runtime', { ...good, runtime: 'cobol' }, ['/runtime']],
    ['no source', { runtime: 'python' }, ['/code']],
    ['two sources', { ...good, code_archive: 'AAAA' }, ['/code_archive']],
    ['empty code', { ...good, code: '' }, ['/code']],
    ['binary code', { ...good, code: 'a\0b' }, ['/code']],
    ['archive that is not base64', { runtime: 'python', code_archive: '%%%' }, ['/code_archive']],
    ['negative memory', { ...good, resources: { mem_mb: -5 } }, ['/resources/mem_mb']],
    [
      'huge resources',
      { ...good, resources: { mem_mb: 1e9, pids: 1e7, cpus: 9, timeout_s: 1e9, disk_mb: 1e9 } },
      ['/resources/cpus', '/resources/disk_mb', '/resources/mem_mb', '/resources/pids', '/resources/timeout_s'],
    ],
    ['cpus as text', { ...good, resources: { cpus: '1' } }, ['/resources/cpus']],
    ['a variable with =', { ...good, env: { 'A=B': 'c' } }, ['/env/A=B']],
    [
      'labels that nobody could ask for',
      { ...good, labels: { '': 'x', 'a=b': 'y', c: 'd=e' } },
      ['/labels/', '/labels/a=b'],
    ],
    ['a variable with NUL', { ...good, env: { A: 'c\0' } }, ['/env/A']],
    ['an argument with NUL', { ...good, args: ['\0'] }, ['/args/0']],
    [
      'a bad allow entry',
      { ...good, network: { allow: ['10.0.0.0/33', 'ok.example', '1.2.3', '*.ok.example', '*', '*ok.example'] } },
      ['/network/allow/0', '/network/allow/2', '/network/allow/4', '/network/allow/5'],
    ],
    ['allow without internet', { ...good, network: { mode: 'none', allow: ['ok.example'] } }, ['/network/allow']],
    ['a folder as the name of code', { ...good, entrypoint: '../x.py' }, ['/entrypoint']],
    ['a body that is a list', [], ['']],
  ])('%s', async (_, body, paths) => {
    expect(await faultsOf(body)).toEqual({ status: 422, code: 'invalid_field', paths })
    expect(await server.scheduler.summaries({ limit: 1 })).toEqual([])
    expect(server.backend.live.size).toBe(0)
  })

  test('an isolation without a backend says which are online', async () => {
    const problem = (await post({ ...good, isolation: 'gvisor' })).json<Problem>()
    expect(problem).toMatchObject({ status: 422, code: 'backend_missing' })
    expect(problem.detail).toContain('fake (microvm)')
  })

  test('JSON that does not parse is 400, a body over the limit 413', async () => {
    const headers = { ...authorization, 'content-type': 'application/json' }
    const send = (payload: string) => server.app.inject({ method: 'POST', url: '/v1/workloads', headers, payload })
    expect((await send('{')).json()).toMatchObject({ status: 400, code: 'invalid_request' })
    expect((await send(JSON.stringify({ ...good, code: 'x'.repeat(2 << 20) }))).json()).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
  })
})

describe('access', () => {
  const get = (url: string, headers: Record<string, string>) => server.app.inject({ method: 'GET', url, headers })

  test('only healthz and readyz need no key', async () => {
    expect((await get('/healthz', { host: 'localhost' })).json()).toMatchObject({ status: 'ok', build: 'build' })
    expect((await get('/readyz', { host: 'localhost' })).statusCode).toBe(200)
    for (const url of [
      '/v1/workloads',
      '/metrics',
      '/openapi.json',
      '/v1/backends',
      '/nothing',
      '/healthz/x',
      '/healthz%2fx',
    ]) {
      expect((await get(url, { host: 'localhost' })).json(), url).toMatchObject({ code: 'unauthorized' })
      expect((await get(url, { host: 'localhost', authorization: 'Bearer vk_wrong' })).statusCode, url).toBe(401)
    }
  })

  test('a foreign Host or Origin is refused, even with the key', async () => {
    expect((await get('/v1/backends', { ...authorization, host: 'evil.example' })).statusCode).toBe(403)
    expect((await get('/v1/backends', { ...authorization, origin: 'http://evil.example' })).statusCode).toBe(403)
    expect((await get('/v1/backends', { ...authorization, origin: 'http://localhost' })).statusCode).toBe(200)
    expect((await get('/v1/backends', { ...authorization, host: '[::1]:7777' })).statusCode).toBe(200)
  })
})

/** Criterion 8, through the API alone: submit, watch, see the result. A browser does the same with the same routes. */
import { expect, test } from 'vitest'
import { archiveOf } from './archives.ts'
import { server, settled } from './harness.ts'

const main = `
import json, os, sys, time
from words import greeting
given = json.load(open(os.environ['VULCAN_INPUT']))
print(greeting(given['name']), flush=True)
time.sleep(3)
print('careful', file=sys.stderr, flush=True)
json.dump({'length': len(given['name'])}, open(os.environ['VULCAN_RESULT'], 'w'))
`

interface Call {
  readonly method?: string
  readonly body?: string | FormData
  readonly headers?: Record<string, string>
}

async function call(path: string, init: Call = {}): Promise<Response> {
  const { url, key } = await server()
  return fetch(new URL(path, url), { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } })
}

async function json<T>(response: Response): Promise<T> {
  return (await response.json()) as T
}

interface Told {
  readonly id: number
  readonly event: string
  readonly data: string
}

/** Reads server-sent events as any client would, up to the one it is told to stop at. */
async function* events(path: string, after = 0): AsyncGenerator<Told> {
  const response = await call(path, { headers: { 'last-event-id': String(after) } })
  let text = ''
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]),
      )
      text = text.slice(end + 2)
      if (fields.has('event'))
        yield { id: Number(fields.get('id')), event: fields.get('event') ?? '', data: fields.get('data') ?? '' }
    }
  }
}

/** What a stream's events hold; a program may write a line in several pieces. */
function textOf(told: readonly Told[], stream: string): string {
  return told
    .filter((event) => event.event === stream)
    .map((event) => (JSON.parse(event.data) as { text: string }).text)
    .join('')
}

test('an archive goes in as a form, its run is watched live, broken off and taken up again, and its result is there', async () => {
  const form = new FormData()
  const request = {
    runtime: 'python',
    network: 'none',
    input: { name: 'Ada' },
    labels: { story: 'criterion-8' },
    resources: { timeout_s: 300 },
  }
  form.set('spec', JSON.stringify(request))
  const files = { 'main.py': main, 'words.py': 'def greeting(name): return f"hello {name}"\n' }
  form.set('archive', new Blob([await archiveOf(files)]), 'project.tar.gz')
  const accepted = await call('/v1/workloads/async', { method: 'POST', body: form })
  expect(accepted.status).toBe(202)
  const at = accepted.headers.get('location') ?? ''
  const { id } = await json<{ id: string }>(accepted)
  expect(at).toBe(`/v1/workloads/${id}`)

  const first: Told[] = []
  for await (const event of events(`${at}/logs`)) {
    first.push(event)
    if (event.event === 'stdout') break
  }
  expect(textOf(first, 'stdout')).toMatch(/^hello/)
  // It is seen while it runs, not afterwards.
  expect(await json(await call(at))).toMatchObject({ status: 'running' })
  const rest: Told[] = []
  for await (const event of events(`${at}/logs`, first.at(-1)?.id)) rest.push(event)
  const all = [...first, ...rest]
  expect(all.map((event) => event.id)).toEqual(all.map((_, n) => n + 1))
  expect([textOf(all, 'stdout'), textOf(all, 'stderr')]).toEqual(['hello Ada\n', 'careful\n'])
  expect(all.filter((event) => event.event === 'end')).toHaveLength(1)

  const record = await json(await call(at))
  expect(record).toMatchObject({
    status: 'completed',
    exit: { by: 'program', code: 0 },
    stdout: 'hello Ada\n',
    stderr: 'careful\n',
    result: { length: 3 },
    run: { backend: 'firecracker', vsock: { status: 'closed' } },
  })
  expect(await (await call(`${at}/output/stdout`)).text()).toBe('hello Ada\n')
  const listed = await json<{ workloads: { id: string }[] }>(
    await call('/v1/workloads?label=story=criterion-8&status=completed'),
  )
  expect(listed.workloads.map((workload) => workload.id)).toContain(id)
  expect((await call(at, { method: 'DELETE' })).status).toBe(409)
})

test('a run that nobody waits for any longer goes on, and is killed by whoever asks', async () => {
  const request = {
    runtime: 'python',
    network: 'none',
    code: 'import time; time.sleep(600)',
    resources: { timeout_s: 700 },
  }
  // Keys outlive a server, and with it an earlier try of this test.
  const key = `sleeper-${Date.now()}`
  const waited = await call('/v1/workloads?wait_s=0.2', {
    method: 'POST',
    body: JSON.stringify(request),
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  })
  expect(waited.status).toBe(202)
  const { id } = await json<{ id: string }>(waited)
  const again = await call('/v1/workloads/async', {
    method: 'POST',
    body: JSON.stringify(request),
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  })
  expect(await json(again)).toMatchObject({ id })
  expect((await call(`/v1/workloads/${id}`, { method: 'DELETE' })).status).toBe(202)
  const told: string[] = []
  for await (const event of events(`/v1/workloads/${id}/logs`)) told.push(event.event)
  expect(told.at(-1)).toBe('end')
  expect(await json(await call(`/v1/workloads/${id}`))).toMatchObject({ status: 'killed', exit: { by: 'killed' } })
  expect(await settled()).toEqual([])
})

/** What the form gives to be copied is the same request as the form's own, as real shells and programs read it. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyForm, requestOf, type Form } from '../dashboard/submit/form.ts'
import { snippetOf } from '../dashboard/submit/snippets.ts'
import type { WorkloadRequest } from '../src/api/workload.ts'
import { testKey } from '../src/server/testing.ts'
import { commandLine, type CommandLine } from './commandline.ts'
import { lacks } from './programs.ts'

const full: Form = {
  ...emptyForm,
  runtime: 'node',
  code: { ...emptyForm.code, node: `// fake: print it's\nEND\n$HOME \`date\` \\\n` },
  entrypoint: 'begin.mjs',
  isolation: 'microvm',
  cpus: '0.5',
  memMb: '300',
  timeoutS: '7.5',
  diskMb: '100',
  pids: '20',
  network: 'internet',
  allow: 'example.org\n192.0.2.0/24',
  args: 'a; b\n--json\n\n"it\'s"\n$HOME',
  env: "A=x'y\nB=1=2",
  input: '{"n": ["a; b", "it\'s"]}',
  stdin: 'line; one\n--two "\n',
  also: { labels: { team: 'a b', empty: '' }, priority: -3 },
}
const origin = 'http://127.0.0.1:7777'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

/** Hands a request in by what the command line is given, as bash reads it, and gives the id. */
async function byCommand(request: WorkloadRequest): Promise<string> {
  const stand = '{ stdin: fs.readFileSync(0, "utf8"), words: process.argv.slice(1) }'
  const vulcan = `vulcan() { "${process.execPath}" -p 'JSON.stringify(${stand})' -- "$@"; }`
  const script = `${vulcan}\n${snippetOf('CLI', { request, archive: undefined, origin })}`
  const heard = JSON.parse(execFileSync('bash', ['-c', script]).toString()) as { words: string[]; stdin: string }
  const [command = '', ...words] = heard.words
  const { err, out } = await line.vulcan([command, '--detach', ...words], heard)
  expect(err).toBe('')
  return out.trim()
}

const call = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
  const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' }
  return (await (await fetch(`${line.url}/v1/workloads${path}`, { ...init, headers })).json()) as T
}

const kept = async (id: string) => (await call<{ request: WorkloadRequest }>(`/${id}/request`)).request

test('the command line makes the very request of a form that is filled in everywhere', async () => {
  const { request, faults } = requestOf(full)
  expect(faults).toEqual({})
  expect(await kept(await byCommand(request))).toEqual(request)
})

test('without standard input for the program, its code goes in there, as with the form that nobody changed', async () => {
  for (const form of [{ ...full, stdin: '' }, emptyForm]) {
    const { request } = requestOf(form)
    expect(snippetOf('CLI', { request, archive: undefined, origin })).toMatch(/^vulcan run - \\\n/)
    const { id } = await call<{ id: string }>('/async', { method: 'POST', body: JSON.stringify(request) })
    expect(await kept(await byCommand(request))).toEqual(await kept(id))
  }
})

test.skipIf(lacks('curl'))(
  'curl sends the request whole, semicolons and quotes too, with an archive and without',
  async () => {
    const { request } = requestOf(full)
    const { code: _code, ...spec } = request
    const curl = (archive: string | undefined, body: WorkloadRequest) => (origin: string) =>
      snippetOf('curl', { request: body, archive, origin })
    expect(await sent(curl(undefined, request))).toEqual({ key: 'Bearer vk_mine', spec: request })
    const name = 'my; "own", files.tar.gz'
    await line.file(name, 'packed')
    expect(await sent(curl(name, spec))).toEqual({ key: 'Bearer vk_mine', spec, archive: 'packed' })
  },
)

test.skipIf(lacks('curl'))('the README says the same: a key of one’s own, in the same variable', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [script = ''] = /^ {4}export VULCAN_KEY=(\n|.)*?\/v1\/workloads$/m.exec(readme) ?? []
  const vulcan = `vulcan() { [ "$*" = 'keys create mine' ] && echo vk_new; }`
  const heard = await sent((origin) => `${vulcan}\n${script.replace('http://127.0.0.1:7777', origin)}`)
  expect(heard).toEqual({ key: 'Bearer vk_new', spec: { runtime: 'python', code: 'print(6*7)' } })
})

/** What a server hears of a script that a shell runs. */
async function sent(scriptFor: (origin: string) => string): Promise<object> {
  const { promise: heard, resolve } = Promise.withResolvers<Request>()
  const server = createServer((call, reply) => {
    void buffer(call).then((body) => {
      reply.end()
      resolve(new Request(origin, { method: 'POST', headers: call.headers as Record<string, string>, body }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const env = { PATH: process.env['PATH'], VULCAN_KEY: 'vk_mine' }
  const shell = spawn('sh', ['-c', scriptFor(`http://127.0.0.1:${port}`)], { cwd: line.folder, env })
  const [words] = await Promise.all([text(shell.stderr), once(shell, 'close')])
  server.close()
  expect(shell.exitCode, words).toBe(0)
  const request = await heard
  const key = request.headers.get('authorization')
  if (request.headers.get('content-type') === 'application/json') return { key, spec: await request.json() }
  const form = await request.formData()
  const archive = await (form.get('archive') as File).text()
  return { key, spec: JSON.parse(form.get('spec') as string), archive }
}

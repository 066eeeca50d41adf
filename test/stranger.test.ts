/** A server was killed, and somebody else listens at its port: who has taken it gets no key. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newSecret, proofOf } from '../src/base/proof.ts'
import { Identity } from '../src/cli/identity.ts'
import { writeServerFile } from '../src/cli/serverfile.ts'
import { testSecret } from '../src/server/testing.ts'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
beforeEach(async () => line.moveTo(line.url))
afterAll(async () => line[Symbol.asyncDispose]())

/** What it is called to find nobody. */
const gone = /ECONNRE|socket hang up|fetch failed/

/** What somebody answers to the question who they are. */
type Answer = (challenge: string) => Record<string, unknown>
const health = { status: 'ok', build: 'any', version: '0' }
const asServer: Answer = (challenge) => ({ ...health, proof: proofOf(testSecret, challenge) })
const asStranger: readonly (readonly [string, Answer])[] = [
  ['nothing', () => health],
  ['a proof by another secret', (challenge) => ({ ...health, proof: proofOf(newSecret(), challenge) })],
  ['what was proven to another question', () => ({ ...health, proof: proofOf(testSecret, 'another question') })],
  ['no text', () => ({ ...health, proof: {} })],
]

/** Somebody who listens, at that port if one is given, and notes what came: paths, and keys. */
async function listener(answer: Answer, port = 0) {
  const paths: string[] = []
  const keys: string[] = []
  const server = createServer(({ url = '', headers }: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    paths.push(pathname)
    if (headers.authorization !== undefined) keys.push(headers.authorization)
    const body = pathname === '/healthz' ? answer(searchParams.get('challenge') ?? '') : { workloads: [] }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const at = (server.address() as AddressInfo).port
  return {
    ...{ paths, keys, port: at, url: `http://127.0.0.1:${at}` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test.each(asStranger)('who answers %s gets no key, and the server is told to be gone', async (_what, answer) => {
  await using stranger = await listener(answer)
  await line.moveTo(stranger.url)
  const said = await line.vulcan(['ls'])
  expect(stranger).toMatchObject({ keys: [], paths: ['/healthz'] })
  expect(said).toMatchObject({ code: 125, out: '' })
  expect(said.err).toContain(`the server of ${line.server.home} is taken as gone: who answers at ${stranger.url}`)
})

test('a server.json that names no secret leads to nobody', async () => {
  await using somebody = await listener(asServer)
  await writeServerFile(line.server.home, { url: somebody.url, place: 'host', backend: 'fake', holds: [] })
  const said = await line.vulcan(['ls'])
  expect(somebody.paths).toEqual([])
  expect(said.err).toContain('server.json names no secret')
})

test('who takes the port between two requests of a command gets no key either', async () => {
  const server = await listener(asServer)
  await line.moveTo(server.url)
  const identity = new Identity(line.server.home)
  await identity.prove(AbortSignal.timeout(60_000))
  const request = { method: 'GET', headers: { authorization: 'Bearer vk_x' } }
  const ask = async () => (await identity.fetch(new URL('/v1/workloads', server.url), request)).text()
  await ask()
  await ask()
  expect(server).toMatchObject({ paths: ['/healthz', '/v1/workloads', '/v1/workloads'], keys: { length: 2 } })
  await server[Symbol.asyncDispose]()
  await expect(ask()).rejects.toThrow(gone)
  await using stranger = await listener(() => health, server.port)
  await expect(ask()).rejects.toMatchObject({ code: 'server_unreachable', step: 'identity' })
  expect(stranger).toMatchObject({ keys: [], paths: ['/healthz'] })
})

test('requests at the same time each go over a connection that is proven', async () => {
  await using server = await listener(asServer)
  await line.moveTo(server.url)
  const identity = new Identity(line.server.home)
  const request = { method: 'GET', headers: { authorization: 'Bearer vk_x' } }
  const ask = async () => (await identity.fetch(new URL('/v1/workloads', server.url), request)).text()
  expect(new Set(await Promise.all(Array.from({ length: 32 }, ask)))).toEqual(new Set(['{"workloads":[]}']))
})

test('an archive, which goes over a connection of its own, goes to a server that is proven at that moment', async () => {
  const server = await listener(asServer)
  await line.moveTo(server.url)
  const identity = new Identity(line.server.home)
  const form = { method: 'POST', headers: { authorization: 'Bearer vk_x' }, body: new FormData() }
  const send = async () => (await identity.fetch(new URL('/v1/workloads', server.url), form)).text()
  await send()
  expect(server).toMatchObject({ paths: ['/healthz', '/v1/workloads'], keys: { length: 1 } })
  await server[Symbol.asyncDispose]()
  await expect(send()).rejects.toThrow(gone)
  await using stranger = await listener(() => health, server.port)
  await expect(send()).rejects.toMatchObject({ code: 'server_unreachable', step: 'identity' })
  expect(stranger.keys).toEqual([])
})

test('a run asks who the server is once, with the question whether it lives', async () => {
  const seen: string[] = []
  const note = ({ method, url = '' }: IncomingMessage) => seen.push(`${method} ${url.replace(/\?.*/, '')}`)
  line.server.app.server.on('request', note)
  const said = await line.vulcan(['run', await line.file('short.py', '# fake: print out')])
  line.server.app.server.off('request', note)
  expect(said).toMatchObject({ code: 0, out: 'out\n' })
  expect(seen.map((request) => request.replace(/[0-9a-f-]{36}$/, 'ID'))).toEqual([
    'GET /healthz',
    'POST /v1/workloads',
    'GET /v1/workloads/ID',
  ])
})

test('the secret is shown to nobody who asks for the state of the server', async () => {
  for (const command of ['up', 'status']) {
    const said = await line.vulcan([command, '--json'])
    expect(JSON.parse(said.out), said.err).toMatchObject({ url: line.url })
    expect(said.out, command).not.toContain(testSecret)
  }
})

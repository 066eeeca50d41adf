/** Bodies that arrive on a real socket: too large, or too slowly. */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { expect, test, vi } from 'vitest'
import { testKey, testServer, type TestServer } from './testing.ts'

const mib = 1 << 20
const head = (line: string, ...headers: readonly string[]) =>
  [`${line} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${testKey}`, ...headers, '', ''].join('\r\n')

async function connected({ app }: TestServer): Promise<Socket> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect({ port: (app.server.address() as { port: number }).port, host: '127.0.0.1' })
  return socket.on('error', () => undefined)
}

/** The command line's own way, in a thread of its own: on one thread server and client would take turns. */
const sending = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then(async ({ quickFetch }) => {
    const codes = []
    while (codes.length < workerData.times) {
      const init = { method: 'POST', headers: workerData.headers, body: 'x'.repeat(workerData.bytes) }
      const code = quickFetch(new URL(workerData.url), init).then((answer) => answer.text()).then((said) => JSON.parse(said).code)
      codes.push(await code.catch((error) => error.message))
    }
    parentPort.postMessage(codes)
  })
`

test('one far over the limit is told so every time, though the client still sends', async () => {
  await using server = await testServer()
  const url = `${await server.app.listen({ host: '127.0.0.1', port: 0 })}/v1/workloads`
  const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'application/json' }
  const module = new URL('../cli/fetch.ts', import.meta.url).href
  const worker = new Worker(sending, { eval: true, workerData: { module, url, headers, bytes: 30 * mib, times: 20 } })
  const [codes] = (await once(worker, 'message')) as [string[]]
  expect(codes).toEqual(Array.from({ length: 20 }, () => 'body_too_large'))
  await worker.terminate()
})

test('what is refused in words that name the limit is taken to its end, and the connection serves on', async () => {
  await using server = await testServer()
  const socket = await connected(server)
  const bytes = 1.5 * mib
  const post = head('POST /v1/workloads', 'content-type: application/json', `content-length: ${bytes}`)
  socket.write(post + 'x'.repeat(bytes))
  socket.write(head('GET /healthz', 'connection: close'))
  const answers = await text(socket)
  expect(answers).toContain('HTTP/1.1 413')
  expect(answers).toContain(`the body has ${bytes} bytes; at most ${mib} are taken (limits.body_mb)`)
  expect(answers).toContain('archives go as multipart/form-data')
  expect(answers).toContain('HTTP/1.1 200')
})

test('of one far over the limit no more is read than a bound, and its connection ends', async () => {
  await using server = await testServer()
  const arrived = once(server.app.server, 'connection')
  const socket = await connected(server)
  const [connection] = (await arrived) as [Socket]
  const bytes = 30 * mib
  socket.write(head('POST /v1/workloads', 'content-type: application/json', `content-length: ${bytes}`))
  socket.end('x'.repeat(bytes))
  await once(connection, 'close')
  // Twice the limit, and what was under way.
  expect(connection.bytesRead).toBeLessThan(4 * mib)
})

test('one that comes too slowly on the whole is told so, however steadily it comes, and leaves nothing', async () => {
  await using server = await testServer({ server: { leastArrivalMs: 50, bodyBytes: 1000, archiveBytes: 1000 } })
  const socket = await connected(server)
  socket.write(head('POST /v1/workloads', 'content-type: multipart/form-data; boundary=b', 'content-length: 999'))
  socket.write('--b\r\ncontent-disposition: form-data; name="archive"; filename="a"\r\n\r\n')
  const trickle = setInterval(() => socket.write('x'), 5)
  const answer = await text(socket)
  clearInterval(trickle)
  expect(answer).toContain('HTTP/1.1 408')
  expect(answer).toContain('the body did not arrive within 1 s')
  await vi.waitFor(async () => expect(await readdir(join(server.home, 'uploads'))).toEqual([]))
  expect(server.logged).toEqual([])
})

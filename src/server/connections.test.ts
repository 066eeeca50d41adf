/** Connections that ask for nothing: many, and kept open. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { testServer, type TestServer } from './testing.ts'

test('connections that never become requests hold up nobody and are bounded in number', async () => {
  await using small = await testServer({ server: { mostConnections: 500 } })
  await small.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = small.app.server.address() as { port: number }
  const before = process.memoryUsage().rss
  const halfOpen = Array.from({ length: 499 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined))
  for (const socket of halfOpen) socket.write('POST /v1/workloads HTTP/1.1\r\nhost: localh')
  await vi.waitFor(async () => expect(await connectionsOf(small)).toBe(499))
  const begun = performance.now()
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } })
  expect(answer.status).toBe(200)
  expect(performance.now() - begun).toBeLessThan(5000)
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20)
  // One beyond all is not kept waiting: it is closed unanswered.
  const last = connect({ port, host: '127.0.0.1' }).on('error', () => undefined)
  await vi.waitFor(async () => expect(await connectionsOf(small)).toBe(500))
  expect(await text(connect({ port, host: '127.0.0.1' }))).toBe('')
  for (const socket of [...halfOpen, last]) socket.destroy()
  await vi.waitFor(async () => expect(await connectionsOf(small)).toBe(0))
  expect((await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } })).status).toBe(200)
})

function connectionsOf({ app }: TestServer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  return promise
}

import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Level } from '../base/say.ts'
import { joinSettings } from '../config.ts'
import { testServer, type TestServer } from '../server/testing.ts'
import { listen } from './listen.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer()
})
afterEach(async () => server[Symbol.asyncDispose]())

/** A port that somebody else has. */
async function takenPort() {
  const other = createServer()
  await once(other.listen(0, '127.0.0.1'), 'listening')
  return { port: (other.address() as AddressInfo).port, [Symbol.dispose]: () => void other.close() }
}

/** Settings with that port, as a default or as somebody has set it. */
function settings(port: number, isSet: boolean) {
  const loaded = joinSettings({ env: {}, flags: { 'server.port': port }, readFile: () => undefined })
  return isSet ? loaded : { ...loaded, origins: { ...loaded.origins, 'server.port': 'default' } }
}

test('a port that is taken, and that nobody asked for, is another one, and that is told', async () => {
  using other = await takenPort()
  const said: [string, Level | undefined][] = []
  const say = (words: string, level?: Level) => void said.push([words, level])
  const url = await listen(server.app, settings(other.port, false), { service: false, say })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect(said).toEqual([[`port ${other.port} is taken; listening at ${url}`, 'warning']])
})

test.each([
  ['of a service', true, false],
  ['that was asked for', false, true],
  ['of a service, that was asked for', true, true],
])('a port %s is that one or none, by name', async (_whose, service, isSet) => {
  using other = await takenPort()
  const say = () => expect.unreachable('it listens nowhere')
  await expect(listen(server.app, settings(other.port, isSet), { service, say })).rejects.toMatchObject({
    code: 'host_unfit',
    message: `port ${other.port} is taken; set server.port`,
  })
})

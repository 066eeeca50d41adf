/** Names asked of a real name server, on loopback. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { decode, encode, type Answer } from 'dns-packet'
import { expect, onTestFinished, test } from 'vitest'
import { thisHost } from './host.ts'

/** Knows those records; says NXDOMAIN of other names. */
async function serverOf(records: Readonly<Record<string, readonly Answer[]>>): Promise<string> {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.on('message', (message, from) => {
    const { id = 0, questions = [] } = decode(message)
    const answers = records[questions[0]?.name ?? '']
    const flags = answers ? 0 : 3
    socket.send(
      encode({ type: 'response', id, flags, questions, answers: [...(answers ?? [])] }),
      from.port,
      from.address,
    )
  })
  await once(socket.bind(0, '127.0.0.1'), 'listening')
  return `127.0.0.1:${socket.address().port}`
}

test('a name’s addresses come with their time, also through other names', async () => {
  const server = await serverOf({
    'direct.example': [{ type: 'A', name: 'direct.example', ttl: 60, data: '192.0.2.1' }],
    'chain.example': [
      { type: 'CNAME', name: 'chain.example', ttl: 7, data: 'middle.example' },
      { type: 'CNAME', name: 'middle.example', ttl: 300, data: 'end.example' },
      { type: 'A', name: 'end.example', ttl: 60, data: '192.0.2.2' },
      { type: 'A', name: 'end.example', ttl: 60, data: '192.0.2.3' },
    ],
    'nowhere.example': [{ type: 'CNAME', name: 'nowhere.example', ttl: 7, data: 'end.example' }],
    'empty.example': [],
  })
  expect(await thisHost.resolve('direct.example', [server])).toEqual([{ address: '192.0.2.1', ttl: 60 }])
  const chain = await thisHost.resolve('chain.example', [server])
  expect(chain.map(({ address }) => address)).toEqual(['192.0.2.2', '192.0.2.3'])
  // The least of the chain.
  expect(new Set(chain.map(({ ttl }) => ttl))).toEqual(new Set([7]))
  for (const name of ['nowhere.example', 'empty.example'])
    expect(await thisHost.resolve(name, [server]).catch((error: NodeJS.ErrnoException) => error.code)).toSatisfy(
      (found: unknown) => found === 'ENODATA' || (Array.isArray(found) && found.length === 0),
    )
  await expect(thisHost.resolve('unknown.example', [server])).rejects.toMatchObject({ code: 'ENOTFOUND' })
})

test('sockets listen on ports that are free, and say which', async () => {
  const { udp, tcp } = await thisHost.listen('127.0.0.1')
  onTestFinished(() => {
    udp.close()
    tcp.close()
  })
  expect([udp.address().port, (tcp.address() as { port: number }).port]).not.toContain(0)
  await expect(thisHost.listen('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
})

test('the host knows its own addresses', () => {
  expect(thisHost.addresses()).toContain('127.0.0.1')
})

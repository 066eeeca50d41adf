/** The first word of a vm that goes on, from an agent that is not there at once. */
import type { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { namesOf } from './names.ts'
import { soon } from './playing.ts'
import { firstWords } from './restore.ts'
import { hello, withGuest } from './testing.ts'

const helloed = (socket: Socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello]))
const at = (vsock: string) => ({ ...namesOf({ instance: 'test', home: '/nowhere' }, 'test-5f0a1b2c3d4e'), vsock })

test.each([
  ['answered by nothing', () => undefined],
  ['ended without a word', (socket: Socket) => socket.end('OK 1\n')],
])('a first connection that is %s does not keep the second from its answer, and is closed', async (_, begin) => {
  const sockets: Socket[] = []
  const connected = (socket: Socket) => {
    if (sockets.push(socket) === 1) begin(socket)
    else helloed(socket)
  }
  await withGuest({ connected }, async (path) => {
    const session = await firstWords(at(path), soon())
    await vi.waitFor(() => expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false]))
    session.close()
  })
})

test('a vm that is answered for at once is dialed once', async () => {
  let dialed = 0
  const connected = (socket: Socket) => {
    dialed += 1
    helloed(socket)
  }
  await withGuest({ connected }, async (path) => {
    const session = await firstWords(at(path), soon())
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(dialed).toBe(1)
    session.close()
  })
})

test('nobody waits for the words of a vm whose start is given up', async () => {
  await withGuest({ connected: () => undefined }, async (path) => {
    await expect(firstWords(at(path), AbortSignal.timeout(50))).rejects.toThrow(/timeout/)
  })
})

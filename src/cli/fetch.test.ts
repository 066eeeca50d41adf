import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { quickFetch } from './fetch.ts'

test('what is left of a body is not sent any more once it was refused', async () => {
  const bytes = 30 << 20
  const { promise: ended, resolve } = Promise.withResolvers<string>()
  await using server = createServer((socket) => {
    let received = 0
    socket.on('error', () => undefined)
    socket.once('close', () => resolve('given up'))
    socket.once('data', () => {
      socket.pause()
      socket.write('HTTP/1.1 413 Content Too Large\r\ncontent-length: 8\r\n\r\ntoo much')
    })
    socket.on('data', ({ length }) => {
      received += length
      if (received < bytes) return
      resolve('sent to its end')
      socket.destroy()
    })
    server.once('refused', () => socket.resume())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const answer = await quickFetch(url, { method: 'POST', headers: {}, body: 'x'.repeat(bytes) })
  expect({ status: answer.status, words: await answer.text() }).toEqual({ status: 413, words: 'too much' })
  server.emit('refused')
  expect(await ended).toBe('given up')
})

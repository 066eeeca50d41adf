/** For tests: a Firecracker and guest of a few lines, and a book. */
import { mkdtempDisposable } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decoder, encode, type Frame } from '../base/frames.ts'
import { Book } from './book.ts'
import { Uids } from './uids.ts'

export const control = (message: Record<string, unknown>) => encode({ type: 'control', message })
export const data = (stream: number, content: string | Uint8Array) =>
  encode({ type: 'data', stream, data: Buffer.from(content as string) })
/** Of a program, as the guest tells it. */
export const usage = {
  cpu_us: 1,
  peak_mem_bytes: 1,
  throttled_us: 0,
  disk_written_bytes: 0,
  net_rx_bytes: 0,
  net_tx_bytes: 0,
}
export const hello = control({ op: 'hello', proto: 2, version: 'test' })

export interface Guest {
  connected(socket: Socket, line: string): void
  frame?(socket: Socket, frame: Frame): void
}

/** Answers CONNECT by the script, then hands each frame to it. */
export async function withGuest<T>(script: Guest, body: (path: string) => Promise<T>): Promise<T> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-agent-'))
  const path = join(folder.path, 'v.sock')
  const server = createServer((socket) => {
    socket.once('data', (line) => {
      script.connected(socket, line.toString())
      const decoder = new Decoder()
      socket.on('data', (bytes) => decoder.push(bytes as Buffer).forEach((frame) => script.frame?.(socket, frame)))
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  try {
    return await body(path)
  } finally {
    server.close()
  }
}

/** The book of an instance `test` whose home is in a folder, as a server opens it; `networked` are vms with a network. */
export async function bookIn(folder: string, networked: ReadonlySet<string> = new Set()) {
  const places = { instance: 'test', home: join(folder, 'home') }
  const uids = new Uids({ first: 1000, count: 3 }, 0)
  const isNetworked = (vmId: string) => Promise.resolve(networked.has(vmId))
  return { places, uids, book: await Book.open({ places, folder: join(folder, 'vms'), uids, isNetworked }) }
}

/** Firecracker's vsock from the host: dialing the guest (CONNECT … OK) and the socket on which it says it is ready. */
import { chown, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { VulcanError } from '../api/errors.ts'
import type { Scope } from '../base/scope.ts'
import { abortable } from '../base/time.ts'

/** Longest answer to CONNECT that can be right, in bytes: `OK 4294967295\n`. */
const longestAnswer = 32

/**
 * Connects to a port of the guest. The socket is paused: bytes that came behind `OK …\n` in the same packet have been put
 * back and are read first. Rejects when nobody listens (Firecracker then just closes) or the signal is aborted.
 */
export async function dial(path: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect(path)
  try {
    await abortable(event(socket, 'connect'), signal)
    socket.write(`CONNECT ${port}\n`)
    await abortable(acknowledged(socket), signal)
    return socket
  } catch (cause) {
    socket.destroy()
    throw new VulcanError('vm_start_failed', `dialing port ${port} of the guest failed: ${String(cause)}`, {
      step: 'vsock',
      cause,
    })
  }
}

function acknowledged(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let answer = Buffer.alloc(0)
  const onReadable = () => {
    for (let bytes = socket.read() as Buffer | null; bytes; bytes = socket.read() as Buffer | null) {
      answer = Buffer.concat([answer, bytes])
      const end = answer.indexOf('\n')
      if (end < 0 && answer.length <= longestAnswer) continue
      const line = answer.subarray(0, Math.max(end, 0)).toString('latin1')
      if (end < 0 || !line.startsWith('OK ')) return reject(new Error(`unexpected answer ${JSON.stringify(line)}`))
      socket.removeListener('readable', onReadable)
      const rest = answer.subarray(end + 1)
      if (rest.length > 0) socket.unshift(rest)
      return resolve()
    }
  }
  socket.on('readable', onReadable)
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('the connection was closed without an answer')))
  return promise
}

function event(socket: Socket, name: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once(name, () => resolve())
  socket.once('error', reject)
  return promise
}

/**
 * Listens for the one connection that the guest makes to a port of the host; it arrives at `<vsock>_<port>`. Whoever in the
 * guest tries after it finds nobody there: programs can connect to that port as well as the agent can.
 */
export async function listenOnce(
  scope: Scope,
  where: { vsock: string; port: number; uid: number; gid: number },
  onConnection: (socket: Socket) => void,
): Promise<void> {
  const path = `${where.vsock}_${where.port}`
  let only: Socket | undefined
  const server: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    if (only) return void socket.destroy()
    only = socket
    server.close()
    onConnection(socket)
  })
  scope.defer('stop listening for the guest', async () => {
    only?.destroy()
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()))
    await rm(path, { force: true })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  // Firecracker connects as the vm's own user.
  await chown(path, where.uid, where.gid)
}

/**
 * Locks between processes of one host. A lock is a listening socket in the abstract namespace: the kernel frees it when
 * its holder dies, however it dies, so there is no stale lock to reason about; and a waiter keeps a connection open,
 * which ends the moment the holder lets go, so there is no polling.
 */
import { createHash } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { abortable } from './time.ts'

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Called once when another process holds the lock and this one has to wait. */
  readonly onWait?: () => void
}

/** Takes the lock of that name (any string, usually a path), waiting for its holder if need be. */
export async function lock(name: string, options: LockOptions = {}): Promise<AsyncDisposable> {
  const address = `\0vulcan-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
  const signal = options.signal ?? new AbortController().signal
  let told = false
  for (;;) {
    signal.throwIfAborted()
    const held = await tryListen(address)
    if (held) return held
    if (!told) options.onWait?.()
    told = true
    await holderGone(address, signal)
  }
}

async function tryListen(address: string): Promise<AsyncDisposable | undefined> {
  const waiters = new Set<Socket>()
  const server: Server = createServer((socket) => {
    waiters.add(socket)
    socket.on('error', () => waiters.delete(socket))
    socket.on('close', () => waiters.delete(socket))
    socket.unref()
  })
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
  server.listen(address, () => resolve(true))
  if (!(await promise)) return undefined
  // A held lock must not keep a process alive that has nothing else to do.
  server.unref()
  return {
    async [Symbol.asyncDispose]() {
      await new Promise<void>((done) => {
        server.close(() => done())
        for (const socket of waiters) socket.destroy()
      })
    },
  }
}

function holderGone(address: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = connect(address)
  // Refused means that the holder went between our try and this call; either way it is time to try again.
  socket.on('error', () => resolve())
  socket.on('close', () => resolve())
  return abortable(promise, signal).finally(() => socket.destroy())
}

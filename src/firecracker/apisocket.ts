/** The socket of a Firecracker that has just been started. */
import { watch } from 'node:fs'
import { connect } from 'node:net'
import { basename, dirname } from 'node:path'
import { exists } from '../base/files.ts'
import { abortable, sleep } from '../base/time.ts'

/** From a socket's file to its listener a Firecracker needs some microseconds, on a busy host more. In milliseconds. */
const refusedPauseMs = 2

/** Resolves when somebody listens there; the folder must exist. Rejects with the signal's reason. */
export async function socketListens(path: string, signal: AbortSignal): Promise<void> {
  await fileAppears(path, signal)
  while (!(await connects(path))) await sleep(refusedPauseMs, signal)
}

/** Told by inotify, never by polling. */
async function fileAppears(path: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const watcher = watch(dirname(path), (_event, name) => {
    if (name === basename(path)) resolve()
  })
  watcher.on('error', reject)
  try {
    // It may have come before we watched.
    if (await exists(path)) return
    await abortable(promise, signal)
  } finally {
    watcher.close()
  }
}

/** False where the file is there and nobody listens yet. */
function connects(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const socket = connect(path)
  socket.once('connect', () => resolve(true))
  socket.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ECONNREFUSED' ? resolve(false) : reject(error),
  )
  return promise.finally(() => socket.destroy())
}

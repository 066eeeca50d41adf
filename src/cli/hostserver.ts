/** The server on this host: a detached process of its own that outlives the command that starts it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { VulcanError } from '../api/errors.ts'
import { isMissing } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import { deadline, DeadlineExceeded } from '../base/time.ts'
import { asVariables, childEnvironment } from '../config.ts'
import type { Context } from './context.ts'
import { readServerFile, removeServerFile, serverLock } from './serverfile.ts'

const startMs = 60_000
/** For runs to be killed and taken down, and more. */
const stopMs = 60_000
const logLimitBytes = 8 << 20
/** Descriptor on which the server says that it listens. */
const readyFd = 3

/** Starts it and resolves when it listens. Rejects with server_unreachable and the server's last words. */
export async function startHostServer({ config, loaded, program, signal }: Context): Promise<void> {
  await mkdir(config.home, { recursive: true, mode: 0o711 })
  const logPath = join(config.home, 'server.log')
  await rotate(logPath)
  const log = await open(logPath, 'a', 0o600)
  try {
    const child = spawn(process.execPath, [program, 'serve'], {
      detached: true,
      cwd: '/',
      env: childEnvironment({ ...asVariables(loaded), VULCAN_HOME: config.home, VULCAN_READY_FD: String(readyFd) }),
      stdio: ['ignore', log.fd, log.fd, 'pipe'],
    })
    await deadline('the start of the server', { timeoutMs: startMs, signal }, (inner) => ready(child, inner))
    child.unref()
  } catch (error) {
    throw new VulcanError('server_unreachable', `the server did not start: ${(error as Error).message}`, {
      step: 'start',
      hint: `the last lines of ${logPath}:\n${(await readFile(logPath, 'utf8')).trimEnd().split('\n').slice(-15).join('\n')}`,
      cause: error,
    })
  } finally {
    await log.close()
  }
}

function ready(child: ChildProcess, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const pipe = child.stdio[readyFd] as Readable
  let said = ''
  pipe.on('data', (data: Buffer) => {
    said += data.toString()
    if (said.includes('READY=1\n')) resolve()
  })
  child.once('error', reject)
  child.once('exit', (code, name) => reject(new Error(`it ended with ${name ?? code}`)))
  const onAbort = () => {
    child.kill('SIGKILL')
    reject(signal.reason as Error)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  return promise.finally(() => {
    signal.removeEventListener('abort', onAbort)
    pipe.destroy()
  })
}

/**
 * Ends the server on this host and resolves when it is gone; false when there is none. Its runs end with it, or wait ten
 * minutes for the next server where it is told to hand them over.
 */
export async function stopHostServer(home: string, o: { handsOver?: boolean } = {}): Promise<boolean> {
  const file = await readServerFile(home)
  if (file?.place !== 'host' || file.pid === undefined) return false
  // The lock tells a living server from a file that one left behind, whose pid may be anybody's by now.
  if (!(await serverLives(home))) {
    await removeServerFile(home)
    return false
  }
  process.kill(file.pid, o.handsOver ? 'SIGTERM' : 'SIGINT')
  try {
    await deadline('the end of the server', { timeoutMs: stopMs }, (signal) => unlocked(serverLock(home), signal))
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error
    process.kill(file.pid, 'SIGKILL')
    await unlocked(serverLock(home), AbortSignal.timeout(5000))
  }
  await removeServerFile(home)
  return true
}

/** Whether a server of that home lives on this host, also one that does not listen yet. */
export async function serverLives(home: string): Promise<boolean> {
  const free = new AbortController()
  try {
    await using _lock = await lock(serverLock(home), {
      signal: free.signal,
      onWait: () => free.abort(new Error('held')),
    })
    return false
  } catch (error) {
    if (free.signal.aborted) return true
    throw error
  }
}

async function unlocked(name: string, signal: AbortSignal): Promise<void> {
  await using _lock = await lock(name, { signal })
}

async function rotate(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > logLimitBytes) await rename(path, `${path}.1`)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** Running programs in the machine, for people: one session on one of its exec ports, in frames of the guest protocol. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { VulcanError } from '../api/errors.ts'
import { Decoder, encode, ProtocolError, stream, type Frame } from '../base/frames.ts'
import { lock } from '../base/lock.ts'
import { abortable, deadline, DeadlineExceeded, sleep } from '../base/time.ts'
import type { Places } from './places.ts'

export interface TerminalSize {
  readonly rows: number
  readonly cols: number
}

export interface ExecRequest {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** A terminal of that size and type; pipes without it. */
  readonly tty?: (TerminalSize & { readonly term: string }) | undefined
}

export type SessionEvent =
  | { readonly kind: 'output'; readonly stream: 'stdout' | 'stderr'; readonly data: Uint8Array }
  /** The last one. A signal's name when one ended the program. */
  | { readonly kind: 'exit'; readonly code: number | null; readonly signal: string | null }

/** Milliseconds: one try for the machine's hello, each wait on the way to a session, and the pause after a try, doubled each time. */
const helloTimeoutMs = 2000
const openTimeoutMs = 60_000
const firstPauseMs = 200

/** One program in the machine. Disposing of it kills the program. */
export class Session implements AsyncDisposable {
  readonly #socket: Socket
  readonly #frames: AsyncGenerator<Frame, void>
  readonly #lock: AsyncDisposable

  constructor(o: { socket: Socket; frames: AsyncGenerator<Frame, void>; lock: AsyncDisposable }) {
    this.#socket = o.socket
    this.#frames = o.frames
    this.#lock = o.lock
  }

  /** Output as it comes, then the exit. Reading slowly slows the program. Throws `machine_failed` when the machine goes away. */
  async *events(signal: AbortSignal): AsyncGenerator<SessionEvent, void> {
    for (;;) {
      const next = await abortable(this.#frames.next(), signal)
      if (next.done) throw gone('while a program ran in it')
      const frame = next.value
      if (frame.type === 'data') {
        yield { kind: 'output', stream: frame.stream === stream.stderr ? 'stderr' : 'stdout', data: frame.data }
      } else if (frame.type === 'control' && frame.message['op'] === 'exit') {
        const { code, signal: name } = frame.message as { code: number | null; signal: string | null }
        yield { kind: 'exit', code, signal: name }
        return
      }
    }
  }

  /** Resolves when there is room for more. */
  async write(data: Uint8Array): Promise<void> {
    if (data.length === 0 || this.#socket.destroyed) return
    if (!this.#socket.write(encode({ type: 'data', stream: stream.stdin, data }))) await drained(this.#socket)
  }

  endInput(): void {
    this.#send({ type: 'end', stream: stream.stdin })
  }

  /** Sends a signal, such as SIGINT, to the program and what it has started. */
  kill(signal: string): void {
    this.#send({ type: 'control', message: { op: 'kill', signal } })
  }

  resize(size: TerminalSize): void {
    this.#send({ type: 'control', message: { op: 'resize', ...size } })
  }

  #send(frame: Frame): void {
    if (!this.#socket.destroyed) this.#socket.write(encode(frame))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy()
    await this.#lock[Symbol.asyncDispose]()
  }
}

/** Starts a program in the machine. Throws `machine_failed` when there is none or the program cannot be started. */
export async function openSession(places: Places, request: ExecRequest, signal?: AbortSignal): Promise<Session> {
  const port = await patiently('all its ports for programs are in use', signal, (signal) => takePort(places, signal))
  try {
    return await patiently('it does not answer', signal, async (signal) => {
      const { socket, frames } = await dial(port.path, signal)
      try {
        await begin(socket, frames, { request, signal })
        return new Session({ socket, frames, lock: port.lock })
      } catch (error) {
        socket.destroy()
        throw error
      }
    })
  } catch (error) {
    await port.lock[Symbol.asyncDispose]()
    throw error
  }
}

/** One of the waits on the way to a session; `otherwise` is what it means when it takes too long. */
async function patiently<T>(
  otherwise: string,
  signal: AbortSignal | undefined,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await deadline('a session with the machine', { timeoutMs: openTimeoutMs, signal }, operation)
  } catch (error) {
    if (!(error instanceof DeadlineExceeded) || signal?.aborted) throw error
    throw new VulcanError('machine_failed', `no program can be run in the machine: ${otherwise}`, {
      step: 'exec',
      hint: 'vulcan machine stop, then vulcan machine start, makes a new one',
      cause: error,
    })
  }
}

/** A free port, or the first one when all are taken, as soon as it is free. QEMU serves one client of a port at a time. */
async function takePort(places: Places, signal: AbortSignal): Promise<{ path: string; lock: AsyncDisposable }> {
  for (const path of places.exec) {
    const taken = new AbortController()
    try {
      return { path, lock: await lock(path, { signal: taken.signal, onWait: () => taken.abort() }) }
    } catch (error) {
      if (!taken.signal.aborted) throw error
    }
  }
  const path = places.exec[0] ?? ''
  return { path, lock: await lock(path, { signal }) }
}

interface Dialled {
  readonly socket: Socket
  readonly frames: AsyncGenerator<Frame, void>
}

/**
 * Connects and opens a session, again and again until the machine says hello to it: a port that a caller has just left in
 * the midst of something lets a first try go unanswered, or answers with the rest of the last session.
 */
async function dial(path: string, signal: AbortSignal): Promise<Dialled> {
  for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
    const socket = connect(path)
    try {
      await abortable(once(socket, 'connect'), signal)
      const frames = framesOf(socket)
      const id = randomUUID()
      socket.write(encode({ type: 'control', message: { op: 'open', id } }))
      const limits = { timeoutMs: helloTimeoutMs, signal }
      if (await deadline('the machine’s hello', limits, (signal) => greeted(frames, id, signal)))
        return { socket, frames }
      socket.destroy()
    } catch (error) {
      socket.destroy()
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOENT' || code === 'ECONNREFUSED') throw gone('no machine is running', error)
      const again = error instanceof ProtocolError || (error instanceof DeadlineExceeded && !signal.aborted)
      if (!again) throw error
    }
    await sleep(pauseMs, signal)
  }
}

/** True when the machine has said hello to us; false when it has hung up. */
async function greeted(frames: Dialled['frames'], id: string, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const next = await abortable(frames.next(), signal)
    if (next.done) return false
    const { value } = next
    if (value.type === 'control' && value.message['op'] === 'hello' && value.message['id'] === id) return true
  }
}

async function* framesOf(socket: Socket): AsyncGenerator<Frame, void> {
  const decoder = new Decoder()
  // Leaving this loop must not close the socket: who leaves it may still want to send.
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
  for await (const chunk of chunks) yield* decoder.push(chunk)
}

async function begin(socket: Socket, frames: Dialled['frames'], o: { request: ExecRequest; signal: AbortSignal }) {
  const { argv, env, cwd, tty } = o.request
  const message = { op: 'exec', argv, env: env ?? {}, cwd: cwd ?? '/', tty: tty ?? null }
  socket.write(encode({ type: 'control', message }))
  const answer = await abortable(frames.next(), o.signal)
  if (answer.done) throw gone(`while ${argv[0]} was started in it`)
  if (answer.value.type === 'control' && answer.value.message['op'] === 'started') return
  const why = answer.value.type === 'control' ? String(answer.value.message['message']) : 'it answered out of turn'
  throw new VulcanError('machine_failed', `${argv[0]} could not be started in the machine: ${why}`, { step: 'exec' })
}

/** Room for more, or the end of the connection: what was left to write is then of no use to anybody. */
async function drained(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('drain', resolve).once('close', resolve)
  await promise
  socket.off('drain', resolve).off('close', resolve)
}

function gone(when: string, cause?: unknown): VulcanError {
  return new VulcanError('machine_failed', `the machine went away: ${when}`, { step: 'exec', cause })
}

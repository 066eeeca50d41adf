/** `machine exec` and `machine shell`: a program in the machine, its output collected or joined to our own terminal. */
import type { Readable, Writable } from 'node:stream'
import type { ReadStream, WriteStream } from 'node:tty'
import { VulcanError } from '../api/errors.ts'
import { Tail } from '../base/tail.ts'
import { deadline, DeadlineExceeded } from '../base/time.ts'
import { placesOf } from './places.ts'
import { openSession, type ExecRequest, type Session, type TerminalSize } from './session.ts'

export interface ExecOptions extends Omit<ExecRequest, 'tty'> {
  /** $VULCAN_HOME of the host. */
  readonly home: string
  readonly input?: string | Uint8Array
  /** Milliseconds; the program is killed after it. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ExecResult {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
  /** The last 4 MiB of each. */
  readonly stdout: string
  readonly stderr: string
}

const captureBytes = 4 << 20

/**
 * Runs a program in the machine to its end and collects its output. A failing program is a result, not an error; one that
 * takes too long is `machine_failed`.
 */
export async function machineExec(o: ExecOptions): Promise<ExecResult> {
  const what = `${o.argv[0]} in the machine`
  try {
    return await deadline(what, { timeoutMs: o.timeoutMs ?? 600_000, signal: o.signal }, (signal) => collect(o, signal))
  } catch (error) {
    if (!(error instanceof DeadlineExceeded) || o.signal?.aborted) throw error
    throw new VulcanError('machine_failed', error.message, { step: 'exec', cause: error })
  }
}

async function collect(o: ExecOptions, signal: AbortSignal): Promise<ExecResult> {
  await using session = await openSession(placesOf(o.home), o, signal)
  const output = { stdout: new Tail(captureBytes), stderr: new Tail(captureBytes) }
  // Not awaited: a program may end without having read its input. It ends with the session.
  void feed(session, o.input ?? '')
  for await (const event of session.events(signal)) {
    if (event.kind === 'output') output[event.stream].push(event.data)
    else return { code: event.code, signal: event.signal, stdout: output.stdout.text(), stderr: output.stderr.text() }
  }
  throw new Error('a session ended without an exit')
}

const pieceBytes = 64 << 10

async function feed(session: Session, input: string | Uint8Array): Promise<void> {
  const bytes = Buffer.from(input)
  for (let at = 0; at < bytes.length; at += pieceBytes) await session.write(bytes.subarray(at, at + pieceBytes))
  session.endInput()
}

export interface ShellOptions extends Omit<ExecRequest, 'tty'> {
  readonly home: string
  readonly stdin: Readable | ReadStream
  readonly stdout: Writable | WriteStream
  readonly stderr: Writable
  /** Value of TERM on our side; used when both stdin and stdout are terminals, which then get one in the machine. */
  readonly term?: string | undefined
  readonly signal?: AbortSignal
}

/**
 * Runs a program in the machine joined to our streams, and gives its exit status (128 and the signal's number for one
 * that a signal ended is for the caller to make). On a terminal it is put into raw mode and follows our size.
 */
export async function machineShell(o: ShellOptions): Promise<{ code: number | null; signal: string | null }> {
  const { stdin, stdout } = o
  const terminal = isTerminal(stdin) && isTerminal(stdout) ? { stdin: stdin as ReadStream, stdout: stdout as WriteStream } : undefined // prettier-ignore
  const tty = terminal ? { ...sizeOf(terminal.stdout), term: o.term ?? 'xterm' } : undefined
  await using session = await openSession(placesOf(o.home), { ...o, tty }, o.signal)
  using _joined = terminal ? joinTerminal(session, terminal) : undefined
  using _typed = joinInput(session, stdin)
  for await (const event of session.events(o.signal ?? new AbortController().signal)) {
    if (event.kind === 'exit') return { code: event.code, signal: event.signal }
    const to = event.stream === 'stdout' ? stdout : o.stderr
    if (!to.write(event.data)) await new Promise((resolve) => to.once('drain', resolve))
  }
  throw new Error('a session ended without an exit')
}

function isTerminal(stream: object): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true
}

function sizeOf(terminal: WriteStream): TerminalSize {
  return { rows: terminal.rows, cols: terminal.columns }
}

function joinTerminal(session: Session, { stdin, stdout }: { stdin: ReadStream; stdout: WriteStream }): Disposable {
  const resized = () => session.resize(sizeOf(stdout))
  stdin.setRawMode(true)
  stdout.on('resize', resized)
  return {
    [Symbol.dispose]() {
      stdout.off('resize', resized)
      stdin.setRawMode(false)
    },
  }
}

function joinInput(session: Session, stdin: Readable): Disposable {
  const take = (chunk: Buffer) => {
    stdin.pause()
    void session.write(chunk).then(() => stdin.resume())
  }
  const end = () => session.endInput()
  stdin.on('data', take).once('end', end)
  stdin.resume()
  return {
    [Symbol.dispose]() {
      stdin.off('data', take).off('end', end)
      // A terminal that is still read would keep the process alive.
      stdin.pause()
    },
  }
}

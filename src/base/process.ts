/** The one place that spawns short-lived commands. Arguments are arrays; there is no shell. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { messageOf } from './words.ts'

export type Argv = readonly [string, ...string[]]

export interface CommandOptions {
  /** The whole environment of the child; the parent's by default. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Milliseconds; the child's process group is killed after it. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Exit codes that count as success; only 0 by default. */
  readonly okCodes?: readonly number[]
}

/** Runs a command to its end. Resolves with its output; rejects with CommandFailed. */
export type RunCommand = (argv: Argv, options?: CommandOptions) => Promise<CommandResult>

export interface OwnCommandOptions extends CommandOptions {
  readonly cwd?: string
  /** Called with each line of stdout and stderr as it comes, for progress. */
  readonly onLine?: (line: string) => void
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly elapsedMs: number
}

/** A command that did not do its work: not found, failed, timed out or aborted. Keeps the last words of the process. */
export class CommandFailed extends Error {
  readonly argv: readonly string[]
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  /** `output`: it said more than is kept. `lost`: what ran it is gone, or does not answer. */
  readonly why: 'spawn' | 'exit' | 'output' | 'signal' | 'timeout' | 'aborted' | 'lost'
  readonly stdout: string
  readonly stderr: string

  constructor(init: Pick<CommandFailed, 'argv' | 'code' | 'signal' | 'why' | 'stdout' | 'stderr'>, cause?: unknown) {
    super(`${init.argv.slice(0, 3).join(' ')}: ${describe(init, cause)}${lastWords(init)}`, { cause })
    this.name = 'CommandFailed'
    this.argv = init.argv
    this.code = init.code
    this.signal = init.signal
    this.why = init.why
    this.stdout = init.stdout
    this.stderr = init.stderr
  }
}

function describe(init: Pick<CommandFailed, 'code' | 'signal' | 'why'>, cause: unknown): string {
  switch (init.why) {
    case 'spawn':
      return `could not be started (${messageOf(cause)})`
    case 'exit':
      return `exited with ${init.code}`
    case 'output':
      return 'said more than is kept of it'
    case 'signal':
      return `was ended by ${init.signal}`
    case 'timeout':
      return 'was killed: it took too long'
    case 'aborted':
      return 'was aborted'
    case 'lost':
      return `was not seen to end (${messageOf(cause)})`
  }
}

function lastWords(init: Pick<CommandFailed, 'stdout' | 'stderr'>): string {
  const text = (init.stderr.trim() || init.stdout.trim()).slice(-600)
  return text ? `: ${text}` : ''
}

/** Captured output kept for each stream, in characters; the end is kept, since errors come last. */
const CAPTURE_LIMIT = 4 << 20

/** Runs a command to its end. Resolves with its output; rejects with CommandFailed. */
export async function run(argv: Argv, options: OwnCommandOptions = {}): Promise<CommandResult> {
  const begun = performance.now()
  const child = start(argv, options)
  const out = collect(child.stdout, options.onLine)
  const err = collect(child.stderr, options.onLine)
  // A child that exits without reading its input is not an error of ours: its exit code tells.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const end = await ended(child, options)
  return resultOf(argv, { ...end, stdout: out.text(), stderr: err.text() }, { begun, ...options })
}

/** How a command ended; `cause`: why it could not be started. */
export type End = Pick<CommandFailed, 'why' | 'code' | 'signal' | 'stdout' | 'stderr'> & { readonly cause?: unknown }

export const noEnd = { code: undefined, signal: undefined, stdout: '', stderr: '' }

/** Throws CommandFailed where that end is none that counts as success. `begun`: by performance.now(). */
export function resultOf(
  argv: Argv,
  { cause, ...end }: End,
  { begun, okCodes = [0] }: Pick<CommandOptions, 'okCodes'> & { begun: number },
): CommandResult {
  const { code = 0, stdout, stderr } = end
  if (end.why !== 'exit' || !okCodes.includes(code)) throw new CommandFailed({ argv, ...end }, cause)
  return { code, stdout, stderr, elapsedMs: performance.now() - begun }
}

function start(argv: Argv, options: OwnCommandOptions): ChildProcessWithoutNullStreams {
  const where = options.cwd === undefined ? {} : { cwd: options.cwd }
  const env = options.env === undefined ? {} : { env: options.env }
  try {
    return spawn(argv[0], argv.slice(1), { ...where, ...env, detached: true })
  } catch (error) {
    // Some failures come as an event, others (a busy text file) at once.
    throw new CommandFailed({ argv, ...noEnd, why: 'spawn' }, error)
  }
}

/** For what a killed group has said to arrive, in milliseconds. */
const lastWordsMs = 1000

/** Settles when the child and its pipes are closed, killing its group at the deadline or the abort. */
async function ended(
  child: ChildProcessWithoutNullStreams,
  options: CommandOptions,
): Promise<Omit<End, 'stdout' | 'stderr'>> {
  const { promise, resolve } = Promise.withResolvers<Omit<End, 'stdout' | 'stderr'>>()
  using stop = new Stop(options, () => {
    killGroup(child.pid)
    // Who went out of the group lives on, and may hold the pipes for as long.
    setTimeout(() => {
      child.stdout.destroy()
      child.stderr.destroy()
    }, lastWordsMs).unref()
  })
  child.on('error', (cause) => resolve({ ...noEnd, why: 'spawn', cause }))
  child.on('close', (code, signal) => {
    const why = stop.cause ?? (code === null ? 'signal' : 'exit')
    resolve({ why, code: code ?? undefined, signal: signal ?? undefined })
  })
  return await promise
}

/** Kills once, at the deadline or at the abort, until it is disposed of. */
export class Stop implements Disposable {
  /** The first cause is the cause: a later abort does not rename a timeout. */
  cause: 'timeout' | 'aborted' | undefined
  readonly #kill: () => void
  readonly #signal: AbortSignal | undefined
  readonly #timer: NodeJS.Timeout | undefined

  constructor({ timeoutMs, signal }: Pick<CommandOptions, 'timeoutMs' | 'signal'>, kill: () => void) {
    this.#kill = kill
    this.#signal = signal
    this.#timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#stop('timeout'), timeoutMs)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted) this.#onAbort()
  }

  readonly #onAbort = () => this.#stop('aborted')

  #stop(cause: 'timeout' | 'aborted'): void {
    if (this.cause) return
    this.cause = cause
    this.#kill()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** Kills a process group started with `detached`; a group that is gone already is fine. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function collect(stream: NodeJS.ReadableStream, onLine?: (line: string) => void): { text(): string } {
  let text = ''
  let partial = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-CAPTURE_LIMIT)
    if (!onLine) return
    const lines = (partial + chunk).split(/[\r\n]+/)
    partial = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  return { text: () => text }
}

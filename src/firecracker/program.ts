/** One program in a guest, over a session: started, its output handed on as it comes, its end told. */
import type { Chunk, Seen } from '../backend/backend.ts'
import { stream } from '../base/frames.ts'
import { type Message, type Session, SessionLost } from './agent.ts'
import { type Attached, type Ended, attachedOf, endedOf } from './said.ts'

export interface ExecRequest {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly memory_bytes: number
  readonly pids: number
  readonly cpu_quota_us: number
  readonly stdin: boolean
  readonly input?: string
  /** It is not the program that an interpreter waits for. */
  readonly rehearsal?: boolean
}

/** An interpreter that is to wait for its program. */
export interface PrepareRequest extends Pick<ExecRequest, 'argv' | 'env' | 'pids' | 'cpu_quota_us'> {
  /** More environment, which makes it wait. */
  readonly wait: Readonly<Record<string, string>>
}

/** What the guest needs to keep a run while its host is away. */
export interface Keep {
  readonly run: string
  readonly tag: 'build' | 'program'
  /** Milliseconds that it may be without a host. */
  readonly keep_ms: number
}

/** Where programs are, in a guest. */
const workFolder = '/work'
/** Length of the period that `cpu_quota_us` is a share of. */
export const cpuPeriodUs = 100_000
/** Of what a guest says in words, so many characters are kept. */
const mostWords = 500
/**
 * Frames that say nothing of a program: ends of its streams, and a refusal for each kill that came late. Each takes our time,
 * which of output its limit bounds, and an agent in other hands would send them for ever.
 */
const mostStrays = 64
/** Largest result a program may leave, in bytes. */
const resultMaxBytes = 1 << 20

/** Sends what a program needs and, right behind it, a request; resolves once the guest has that, but for the request's answer. */
export type Bring = (behind: Message, signal: AbortSignal) => Promise<void>

/** What became of an interpreter that may have waited for a program. */
export interface Begun {
  /** It has become the program. */
  readonly warm: boolean
  /** Why one that waited could not, in the guest's words. */
  readonly cold: string | undefined
}

/** Starts a program; resolves once it runs. */
export async function exec(session: Session, request: ExecRequest & Keep, signal: AbortSignal): Promise<Begun> {
  return begunOf(await session.request(execOf(request), signal))
}

/** As `exec`, for a program that needs something brought. */
export async function bringAndExec(
  session: Session,
  request: ExecRequest & Keep,
  { bring, signal }: { bring: Bring; signal: AbortSignal },
): Promise<Begun> {
  await bring({ ...execOf(request), uploaded: true }, signal)
  return begunOf(await session.answer('exec', signal))
}

const begunOf = ({ warm, cold }: Message): Begun => ({
  warm: warm === true,
  cold: typeof cold === 'string' ? cold.slice(0, mostWords) : undefined,
})

const execOf = (request: ExecRequest & Keep): Message => ({
  op: 'exec',
  cwd: workFolder,
  cpu_period_us: cpuPeriodUs,
  result_max_bytes: resultMaxBytes,
  ...request,
})

/** Starts an interpreter; resolves once it waits. */
export async function prepare(session: Session, request: PrepareRequest, signal: AbortSignal): Promise<void> {
  await session.request({ op: 'prepare', cwd: workFolder, cpu_period_us: cpuPeriodUs, ...request }, signal)
}

/** Takes a kept run up behind what was seen of it; what follows is read as that of a program just started. */
export async function attach(session: Session, run: string, o: { seen: Seen; signal: AbortSignal }): Promise<Attached> {
  return attachedOf(await session.request({ op: 'attach', run, ...o.seen }, o.signal))
}

/**
 * Reads a running program's output to its end. `onChunk` may wait: the guest, and then the program, wait with it.
 * Throws SessionLost when the vm is gone.
 */
export async function follow(
  session: Session,
  onChunk: (chunk: Chunk) => Promise<void>,
  signal: AbortSignal,
): Promise<{ ended: Ended; result: Uint8Array | undefined }> {
  const result = new ResultFile()
  for (let strays = 0; strays <= mostStrays;) {
    const frame = await session.next(signal)
    if (!frame) throw new SessionLost('end of file while the program ran')
    if (frame.type === 'data') {
      if (frame.stream === stream.stdout) await onChunk({ stream: 'stdout', data: frame.data })
      else if (frame.stream === stream.stderr) await onChunk({ stream: 'stderr', data: frame.data })
      else if (frame.stream === stream.result) result.add(frame.data)
      else strays += 1
    } else if (frame.type === 'control' && frame.message['op'] === 'exit') {
      return { ended: endedOf(frame.message), result: result.bytes }
    } else strays += 1
  }
  throw new SessionLost('the guest went on to send what is neither output nor an end')
}

/** A result as it comes. The agent promised to send no more than the most; one that breaks the promise does not get our memory. */
class ResultFile {
  #held: Buffer | undefined
  #length = 0

  get bytes(): Uint8Array | undefined {
    return this.#held?.subarray(0, this.#length)
  }

  add(data: Uint8Array): void {
    if (this.#length + data.length > resultMaxBytes) throw new SessionLost('the guest sent a larger result than it may')
    // One piece for all, since there may be a million of a byte each.
    this.#held ??= Buffer.alloc(resultMaxBytes)
    this.#held.set(data, this.#length)
    this.#length += data.length
  }
}

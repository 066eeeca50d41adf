/** One program in a guest, over a session: started, its output handed on as it comes, its end told. */
import type { Chunk } from '../backend/backend.ts'
import { stream } from '../base/frames.ts'
import { type Session, SessionLost } from './agent.ts'
import type { Ended } from './exit.ts'

export interface ExecRequest {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly memory_bytes: number
  readonly pids: number
  readonly cpu_quota_us: number
  readonly stdin: boolean
  readonly input?: string
}

/** Length of the period that `cpu_quota_us` is a share of. */
export const cpuPeriodUs = 100_000
/** Largest result a program may leave, in bytes. */
const resultMaxBytes = 1 << 20

/** Starts a program; resolves once it runs. */
export async function exec(session: Session, request: ExecRequest, signal: AbortSignal): Promise<void> {
  const message = { op: 'exec', cwd: '/work', cpu_period_us: cpuPeriodUs, result_max_bytes: resultMaxBytes, ...request }
  await session.request(message, signal)
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
  const result: Uint8Array[] = []
  for (;;) {
    const frame = await session.next(signal)
    if (!frame) throw new SessionLost('end of file while the program ran')
    if (frame.type === 'data') {
      if (frame.stream === stream.stdout) await onChunk({ stream: 'stdout', data: frame.data })
      else if (frame.stream === stream.stderr) await onChunk({ stream: 'stderr', data: frame.data })
      else if (frame.stream === stream.result) keepResult(result, frame.data)
    } else if (frame.type === 'control' && frame.message['op'] === 'exit') {
      return { ended: frame.message as unknown as Ended, result: result.length > 0 ? Buffer.concat(result) : undefined }
    }
  }
}

function keepResult(parts: Uint8Array[], data: Uint8Array): void {
  const held = parts.reduce((sum, part) => sum + part.length, 0)
  // The agent promised to send no more; a guest that breaks the promise does not get our memory.
  if (held + data.length > resultMaxBytes) throw new SessionLost('the guest sent a larger result than it may')
  parts.push(data)
}

/** What a frame is called where it is told that there was one. Pure. */
import { type Frame, stream } from '../base/frames.ts'

/** What the protocol knows (PROTOCOL.md). What a guest says beyond it is its own, and not repeated. */
export const operations: ReadonlySet<string> = new Set([
  ...['hello', 'ping', 'configure', 'write', 'unpack', 'prepare', 'exec', 'attach', 'shutdown', 'ack', 'kill'],
  ...['ok', 'error', 'started', 'attached', 'exit'],
])
const streams = new Map<number, string>(Object.entries(stream).map(([name, id]) => [id, name]))

/** The operation of a control frame, the stream of a data frame, or `end of` a stream. */
export function kindOf(frame: Frame): string {
  if (frame.type === 'control') {
    const { op } = frame.message
    return typeof op === 'string' && operations.has(op) ? op : 'unknown'
  }
  const name = streams.get(frame.stream) ?? 'unknown'
  return frame.type === 'data' ? name : `end of ${name}`
}

/** An answer of server-sent events: its head, its heartbeats, and a writer that waits for a slow client. */
import { once } from 'node:events'
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import { eventStream, heartbeat } from '../api/sse.ts'

export interface Stream extends AsyncDisposable {
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal
  /** Resolves when there is room for more; rejects when there is none yet and the signal, or else the client, is gone. */
  write(text: string, signal?: AbortSignal): Promise<void>
  /** Writes without waiting for room, if the client is there. */
  tell(text: string): void
}

/** Takes the answer over; disposed of, it ends. */
export function openStream(reply: FastifyReply, heartbeatMs: number): Stream {
  const response = reply.raw
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  // It may have gone while its request was being taken in: no event of that comes any more.
  if (response.closed) gone.abort()
  reply.hijack()
  response.writeHead(200, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': `${eventStream}; charset=utf-8`,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  response.flushHeaders()
  const beat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(heartbeat)
  }, heartbeatMs)
  return {
    gone: gone.signal,
    async write(text, signal = gone.signal) {
      if (!response.write(text)) await once(response, 'drain', { signal })
    },
    tell(text) {
      if (!gone.signal.aborted) response.write(text)
    },
    [Symbol.asyncDispose]() {
      clearInterval(beat)
      response.end()
      return Promise.resolve()
    },
  }
}

/** An answer of server-sent events: its head, its heartbeats, and a writer that waits for a slow client. */
import { once } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { InvalidBody } from '../api/problem.ts'
import { heartbeat } from '../api/sse.ts'

export interface Stream extends AsyncDisposable {
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal
  /** Resolves when there is room for more; rejects when the client has gone. */
  write(text: string): Promise<void>
}

/** Takes the answer over; disposed of, it ends. */
export function openStream(reply: FastifyReply, heartbeatMs: number): Stream {
  const response = reply.raw
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  reply.hijack()
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  response.flushHeaders()
  const beat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(heartbeat)
  }, heartbeatMs)
  return {
    gone: gone.signal,
    async write(text) {
      if (!response.write(text)) await once(response, 'drain', { signal: gone.signal })
    },
    [Symbol.asyncDispose]() {
      clearInterval(beat)
      response.end()
      return Promise.resolve()
    },
  }
}

/** The id after which a client wants to go on; undefined when it names none. Throws InvalidBody for what is no id. */
export function eventsAfter(request: FastifyRequest): number | undefined {
  const raw = request.headers['last-event-id'] ?? (request.query as { after?: string }).after
  if (raw === undefined) return undefined
  if (!/^\d{1,16}$/.test(String(raw))) {
    throw new InvalidBody([{ path: '/headers/last-event-id', message: 'is not the id of an event' }])
  }
  return Number(raw)
}

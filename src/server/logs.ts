/** A workload's events as server-sent events, and its output as bytes. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { formatEvent, heartbeat, outputData, shutdown, type LogEvent } from '../api/sse.ts'
import type { Entry } from '../scheduler/eventlog.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'

export interface Stream {
  readonly id: string
  /** The last event already seen; 0 for none. */
  readonly after: number
  readonly reply: FastifyReply
  readonly heartbeatMs: number
  /** Aborted when the server goes away. */
  readonly closing: AbortSignal
}

/** Answers with every event after the given one, then those that come, up to `end`, or `shutdown` if that comes first. */
export async function streamEvents(
  scheduler: Scheduler,
  { id, after, reply, heartbeatMs, closing }: Stream,
): Promise<void> {
  scheduler.summary(id)
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
  const signal = AbortSignal.any([gone.signal, closing])
  try {
    for await (const entry of scheduler.events(id, after, signal)) {
      if (!response.write(formatEvent(eventOf(entry)))) await drained(response, signal)
    }
  } catch (error) {
    // A client that went away is no fault; with anything else the stream breaks off, and the client comes back.
    if (!signal.aborted) throw error
    if (!gone.signal.aborted) response.write(shutdown)
  } finally {
    clearInterval(beat)
    response.end()
  }
}

/** Resolves when the client has taken what was written; rejects when it has gone. */
async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, 'drain', { signal })
}

function eventOf({ id, kind, data }: Entry): LogEvent {
  if (kind === 'stdout' || kind === 'stderr') return { id, event: kind, data: outputData(data) }
  return { id, event: kind, data: JSON.parse(data.toString('utf8')) }
}

export interface Output {
  readonly id: string
  readonly stream: 'stdout' | 'stderr'
  /** Aborted when the server goes away: an end would say that this was all, so it breaks off with the reason. */
  readonly closing: AbortSignal
}

/** The bytes of one stream from the beginning to the end, waiting for those that are still to come. */
export function outputOf(scheduler: Scheduler, { id, stream, closing }: Output): Readable {
  scheduler.summary(id)
  const gone = new AbortController()
  const signal = AbortSignal.any([gone.signal, closing])
  const bytes = async function* () {
    for await (const { kind, data } of scheduler.events(id, 0, signal)) if (kind === stream) yield data
  }
  const readable = Readable.from(bytes(), { objectMode: false })
  readable.once('close', () => gone.abort())
  return readable
}

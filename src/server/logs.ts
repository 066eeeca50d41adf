/** A workload's events as server-sent events, and its output as bytes. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { formatEvent, heartbeat, outputData, shutdown, type LogEvent } from '../api/sse.ts'
import { hasEnded } from '../api/workload.ts'
import type { Entry } from '../scheduler/eventlog.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'

export interface Stream {
  readonly id: string
  /** The last event already seen; 0 for none. */
  readonly after: number
  /** False: end with the newest event instead of waiting for more. */
  readonly follow: boolean
  readonly reply: FastifyReply
  readonly heartbeatMs: number
  /** Aborted when the server goes away. */
  readonly closing: AbortSignal
}

/** Answers with every event after the given one, then those that come, up to `end`, or `shutdown` if that comes first. */
export async function streamEvents(scheduler: Scheduler, o: Stream): Promise<void> {
  await scheduler.summary(o.id)
  const last = o.follow ? undefined : scheduler.newestEvent(o.id)
  const response = o.reply.raw
  const { gone, signal } = cutOf(scheduler, o)
  response.once('close', () => gone.abort())
  o.reply.hijack()
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  response.flushHeaders()
  const beat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(heartbeat)
  }, o.heartbeatMs)
  try {
    await send(scheduler.events(o.id, o.after, signal), { ...o, last, response, signal })
  } catch (error) {
    // A client that went away is no fault; with anything else the stream breaks off, and the client comes back.
    if (!signal.aborted) throw error
    if (!gone.signal.aborted) response.write(shutdown)
  } finally {
    clearInterval(beat)
    response.end()
  }
}

/**
 * What stops a reader: `gone`, when its client goes away, and `signal` besides when the server does before the workload's
 * end. What has ended is told whole: the next server may be far away.
 */
function cutOf(scheduler: Scheduler, { id, closing }: { id: string; closing: AbortSignal }) {
  const gone = new AbortController()
  const stop = new AbortController()
  const judge = () => {
    scheduler.summary(id).then(
      ({ status }) => {
        if (!hasEnded(status)) stop.abort(closing.reason)
      },
      (error: unknown) => stop.abort(error),
    )
  }
  if (closing.aborted) judge()
  else closing.addEventListener('abort', judge, { once: true, signal: gone.signal })
  return { gone, signal: AbortSignal.any([gone.signal, stop.signal]) }
}

interface Sending {
  readonly after: number
  readonly last: number | undefined
  readonly response: ServerResponse
  readonly signal: AbortSignal
}

/** Sends the events, up to the last if one is given. */
async function send(events: AsyncIterable<Entry>, { after, last, response, signal }: Sending): Promise<void> {
  if (last !== undefined && after >= last) return
  for await (const entry of events) {
    if (!response.write(formatEvent(eventOf(entry)))) await drained(response, signal)
    if (entry.id === last) return
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
  /** Aborted, with the reason, when the server goes away. */
  readonly closing: AbortSignal
}

/**
 * The bytes of one stream from the beginning to the end, waiting for those that are still to come. They break off with
 * `shutting_down` when the server goes away before: an end would say that this was all.
 */
export async function outputOf(scheduler: Scheduler, { id, stream, closing }: Output): Promise<Readable> {
  await scheduler.summary(id)
  const { gone, signal } = cutOf(scheduler, { id, closing })
  const bytes = async function* () {
    for await (const { kind, data } of scheduler.events(id, 0, signal)) if (kind === stream) yield data
  }
  const readable = Readable.from(bytes(), { objectMode: false })
  readable.once('close', () => gone.abort())
  return readable
}

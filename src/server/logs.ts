/** A workload's events as server-sent events, and its output as bytes. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import { InvalidBody } from '../api/problem.ts'
import { formatEvent, heartbeat, outputData, type LogEvent } from '../api/sse.ts'
import type { Entry } from '../scheduler/eventlog.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'

/** Answers with every event after Last-Event-ID, then (unless `follow=false`) those that come, up to `end`. */
export async function streamEvents(
  scheduler: Scheduler,
  { request, reply, id }: { request: FastifyRequest; reply: FastifyReply; id: string },
  heartbeatMs: number,
): Promise<void> {
  await scheduler.summary(id)
  const after = lastEventId(request)
  const last = (request.query as { follow?: string }).follow === 'false' ? scheduler.newestEvent(id) : undefined
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
  try {
    if (last !== undefined && after >= last) return
    for await (const entry of scheduler.events(id, after, gone.signal)) {
      if (!response.write(formatEvent(eventOf(entry)))) await drained(response, gone.signal)
      if (entry.id === last) break
    }
  } catch (error) {
    // A client that went away is no fault; with anything else the stream breaks off, and the client comes back.
    if (!gone.signal.aborted) throw error
  } finally {
    clearInterval(beat)
    response.end()
  }
}

/** Resolves when the client has taken what was written; rejects when it has gone. */
async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, 'drain', { signal })
}

function lastEventId(request: FastifyRequest): number {
  const raw = request.headers['last-event-id'] ?? (request.query as { after?: string }).after ?? '0'
  if (!/^\d{1,15}$/.test(String(raw))) {
    throw new InvalidBody([{ path: '/headers/last-event-id', message: 'is not the id of an event' }])
  }
  return Number(raw)
}

function eventOf({ id, kind, data }: Entry): LogEvent {
  if (kind === 'stdout' || kind === 'stderr') return { id, event: kind, data: outputData(data) }
  return { id, event: kind, data: JSON.parse(data.toString('utf8')) }
}

/** The bytes of one stream from the beginning to the end, waiting for those that are still to come. */
export async function outputOf(scheduler: Scheduler, id: string, stream: string): Promise<Readable> {
  await scheduler.summary(id)
  if (stream !== 'stdout' && stream !== 'stderr') throw new VulcanError('not_found', `there is no stream ${stream}`)
  const gone = new AbortController()
  const bytes = async function* () {
    for await (const { kind, data } of scheduler.events(id, 0, gone.signal)) if (kind === stream) yield data
  }
  const readable = Readable.from(bytes(), { objectMode: false })
  readable.once('close', () => gone.abort())
  return readable
}

/** A workload's events as server-sent events, and its output as bytes. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import { formatEvent, outputData, type LogEvent } from '../api/sse.ts'
import type { Entry } from '../scheduler/eventlog.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { eventsAfter, openStream } from './stream.ts'

/** Answers with every event after Last-Event-ID, then (unless `follow=false`) those that come, up to `end`. */
export async function streamEvents(
  scheduler: Scheduler,
  { request, reply, id }: { request: FastifyRequest; reply: FastifyReply; id: string },
  heartbeatMs: number,
): Promise<void> {
  await scheduler.summary(id)
  const after = eventsAfter(request) ?? 0
  const last = (request.query as { follow?: string }).follow === 'false' ? scheduler.newestEvent(id) : undefined
  await using stream = openStream(reply, heartbeatMs)
  try {
    if (last !== undefined && after >= last) return
    for await (const entry of scheduler.events(id, after, stream.gone)) {
      await stream.write(formatEvent(eventOf(entry)))
      if (entry.id === last) break
    }
  } catch (error) {
    // A client that went away is no fault; with anything else the stream breaks off, and the client comes back.
    if (!stream.gone.aborted) throw error
  }
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

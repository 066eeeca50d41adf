/** A workload's events as server-sent events, and its output as bytes. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { formatEvent, outputData, shutdown, type LogEvent } from '../api/sse.ts'
import { hasEnded } from '../api/workload.ts'
import type { Facts } from '../base/facts.ts'
import type { Entry } from '../scheduler/entries.ts'
import { firstEventId } from '../scheduler/events.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import type { Closing } from './closing.ts'
import type { ServerFacts } from './facts.ts'
import { openStream } from './stream.ts'

/** Names of the events of a workload; `shutdown` has no id. */
export const eventNames = ['stdout', 'stderr', 'status', 'denied', 'end', 'shutdown'] as const

/** What the routes of workloads are made of. */
export interface WorkloadRouteOptions {
  readonly scheduler: Scheduler
  readonly facts: Facts<ServerFacts>
  /** Milliseconds between heartbeats. */
  readonly heartbeatMs: number
  readonly closing: Closing
}

interface Following {
  readonly id: string
  /** The last event already seen; 0 for none. */
  readonly after: number
  /** False: end with the newest event instead of waiting for more. */
  readonly follow: boolean
  readonly reply: FastifyReply
}

/**
 * Answers with every event after the given one, then those that come, up to `end`, or `shutdown` if that comes first; with 204 where
 * that was the end, or is behind it.
 */
export async function streamEvents({ facts, ...telling }: WorkloadRouteOptions, o: Following): Promise<void> {
  facts.emit('stream.opened', { id: o.id })
  try {
    await tellEvents(telling, o)
  } finally {
    facts.emit('stream.closed', { id: o.id })
  }
}

async function tellEvents(
  { scheduler, heartbeatMs, closing }: Omit<WorkloadRouteOptions, 'facts'>,
  o: Following,
): Promise<void> {
  const { status } = await scheduler.summary(o.id)
  // A browser takes up again whatever ends, but not what has no content.
  if (hasEnded(status) && (await isOver(scheduler, o))) return void (await o.reply.status(204).send())
  // What waits, maybe for long, has told nothing but that.
  const last = o.follow ? undefined : (scheduler.newestEvent(o.id) ?? (status === 'pending' ? firstEventId : undefined))
  await using stream = openStream(o.reply, heartbeatMs)
  const signal = cutOf(scheduler, { id: o.id, closing: closing.streams, gone: stream.gone })
  if (last !== undefined && o.after >= last) return
  try {
    for await (const entry of scheduler.events(o.id, o.after, signal)) {
      await stream.write(formatEvent(eventOf(entry)), signal)
      if (entry.id === last) return
    }
  } catch (error) {
    // A client that went away is no fault; with anything else the stream breaks off, and the client comes back.
    if (!signal.aborted) throw error
    stream.tell(shutdown)
  }
}

/** Milliseconds that the last event of what has ended may take to be kept. */
const overMs = 10_000

/** Whether the log of what has ended holds nothing more. */
async function isOver(scheduler: Scheduler, { id, after }: Following): Promise<boolean> {
  // Every log holds something.
  if (after === 0) return false
  for await (const _ of scheduler.events(id, after, AbortSignal.timeout(overMs))) return false
  return true
}

interface Cut {
  readonly id: string
  readonly closing: AbortSignal
  readonly gone: AbortSignal
}

/**
 * What stops a reader: when its client goes away, and when the server does before the workload's end. What has ended is
 * told whole: the next server may be far away.
 */
function cutOf(scheduler: Scheduler, { id, closing, gone }: Cut): AbortSignal {
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
  else closing.addEventListener('abort', judge, { once: true, signal: gone })
  return AbortSignal.any([gone, stop.signal])
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
  const gone = new AbortController()
  const signal = cutOf(scheduler, { id, closing, gone: gone.signal })
  const bytes = async function* () {
    for await (const { kind, data } of scheduler.events(id, 0, signal)) if (kind === stream) yield data
  }
  const readable = Readable.from(bytes(), { objectMode: false })
  readable.once('close', () => gone.abort())
  return readable
}

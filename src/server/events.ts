/** Every workload's changes of status, for whoever shows a live list. */
import { Type } from 'typebox'
import { routes } from '../api/routes.ts'
import { eventStream, shutdown } from '../api/sse.ts'
import type { WorkloadSummary } from '../api/workload.ts'
import type { Facts } from '../base/facts.ts'
import type { Bus, Delivery } from '../bus/bus.ts'
import type { SchedulerFacts } from '../scheduler/options.ts'
import type { FastifyTypeBox } from './app.ts'
import type { Closing } from './closing.ts'
import { Query } from './query.ts'
import { openStream } from './stream.ts'

/** Publishes `workload.<id>.<status>` with the summary for each change that the scheduler states. */
export function announce(facts: Facts<SchedulerFacts>, bus: Bus, log: (error: unknown) => void): void {
  const tell = ({ id, summary }: { id: string; summary: WorkloadSummary }) => {
    bus.publish(`workload.${id}.${summary.status}`, summary).catch(log)
  }
  for (const name of ['workload.accepted', 'workload.started', 'workload.ended'] as const) facts.on(name, tell)
}

const words = `Server-sent events. \`workload\` carries the summary of a workload whose status has changed; \`missed\` says that some
changes are not kept any more, so that a list has to be read anew. Ids grow; \`Last-Event-ID\` goes on after one, and
without it the stream begins with what comes from now on. Comments keep the connection alive. A server that goes away says
\`shutdown\`, an event without an id: take the stream up again after the \`retry\` it names.`

const schema = {
  tags: ['workloads'],
  operationId: 'followEvents',
  summary: 'Follows the changes of status of all workloads, live',
  description: words,
  headers: Type.Object({
    'last-event-id': Type.Optional(
      Type.String({ pattern: '^[0-9]{1,16}$', description: 'the last event already seen; goes before `after`' }),
    ),
  }),
  querystring: Query({
    after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'the last event already seen' }),
    ),
  }),
}

/** Everybody's: what is told carries no owner, so it takes a key that reads everything. */
const config = {
  scope: 'read' as const,
  media: {
    type: eventStream,
    description: 'events until the server goes away',
    events: ['workload', 'missed', 'shutdown'],
  },
}

export interface EventsOptions {
  readonly bus: Bus
  readonly heartbeatMs: number
  readonly closing: Closing
}

/** Answers with `workload` events, from now on or after Last-Event-ID, and `missed` where some are not kept any more. */
export function eventsRoute(app: FastifyTypeBox, { bus, heartbeatMs, closing }: EventsOptions): void {
  app.get(routes.events, { schema, config, exposeHeadRoute: false }, async (request, reply) => {
    const seen = request.headers['last-event-id'] ?? request.query.after
    await using stream = openStream(reply, heartbeatMs)
    const signal = AbortSignal.any([stream.gone, closing.streams])
    const deliveries = bus.subscribe('workload.>', { after: seen === undefined ? seen : Number(seen), signal })
    try {
      for await (const delivery of deliveries) await stream.write(textOf(delivery), signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
    // The bus is closed, or the server closes: else nothing ends these.
    stream.tell(shutdown)
  })
}

function textOf(delivery: Delivery): string {
  if (delivery.kind === 'missed') return `id: ${delivery.upTo}\nevent: missed\ndata: {}\n\n`
  return `id: ${delivery.seq}\nevent: workload\ndata: ${JSON.stringify(delivery.data)}\n\n`
}

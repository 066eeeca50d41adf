/** Every workload's changes of status, for whoever shows a live list. */
import { Type } from 'typebox'
import { Problem } from '../api/problem.ts'
import { routes } from '../api/routes.ts'
import type { WorkloadSummary } from '../api/workload.ts'
import type { Facts } from '../base/facts.ts'
import type { Bus, Delivery } from '../bus/bus.ts'
import type { SchedulerFacts } from '../scheduler/options.ts'
import type { FastifyTypeBox } from './app.ts'
import { eventsAfter, openStream } from './stream.ts'

/** Publishes `workload.<id>.<status>` with the summary for each change that the scheduler states. */
export function announce(facts: Facts<SchedulerFacts>, bus: Bus, log: (error: unknown) => void): void {
  const tell = ({ id, summary }: { id: string; summary: WorkloadSummary }) => {
    bus.publish(`workload.${id}.${summary.status}`, summary).catch(log)
  }
  for (const name of ['workload.accepted', 'workload.started', 'workload.ended'] as const) facts.on(name, tell)
}

const Query = Type.Object({
  after: Type.Optional(Type.String({ description: 'the last event id already seen' })),
})

/**
 * Answers with `workload` events, each with a summary, from now on or after Last-Event-ID; `missed` where some of them are
 * not kept any more, so that a list has to be read anew.
 */
export function eventsRoute(app: FastifyTypeBox, { bus, heartbeatMs }: { bus: Bus; heartbeatMs: number }): void {
  app.get(routes.events, { schema: { querystring: Query, response: { '4xx': Problem } } }, async (request, reply) => {
    const after = eventsAfter(request)
    await using stream = openStream(reply, heartbeatMs)
    const deliveries = bus.subscribe('workload.>', { after, signal: stream.gone })
    for await (const delivery of deliveries) await stream.write(textOf(delivery))
  })
}

function textOf(delivery: Delivery): string {
  if (delivery.kind === 'missed') return `id: ${delivery.upTo}\nevent: missed\ndata: {}\n\n`
  return `id: ${delivery.seq}\nevent: workload\ndata: ${JSON.stringify(delivery.data)}\n\n`
}

/** GET /metrics, for Prometheus; it needs a key as every other route does. */
import { routes } from '../../api/routes.ts'
import type { FastifyTypeBox } from '../app.ts'
import { NoQuery } from '../query.ts'
import { Metrics } from './metrics.ts'

export function metricsRoute(app: FastifyTypeBox, metrics: Pick<Metrics, 'text'>): void {
  const schema = { operationId: 'getMetrics', summary: 'Tells Prometheus', tags: ['state'], querystring: NoQuery }
  const config = { scope: 'read' as const, media: { type: 'text/plain', description: 'Prometheus’s text format' } }
  app.get(routes.metrics, { schema, config }, async (_request, reply) =>
    reply.type(Metrics.type).send(await metrics.text()),
  )
}

/** GET /metrics, for Prometheus; it needs a key as every other route does. */
import { Type } from 'typebox'
import { routes } from '../../api/routes.ts'
import type { FastifyTypeBox } from '../app.ts'
import { Metrics } from './metrics.ts'

const text = { content: { 'text/plain': { schema: Type.String({ description: 'Prometheus’s text format' }) } } }

export function metricsRoute(app: FastifyTypeBox, metrics: Pick<Metrics, 'text'>): void {
  app.get(routes.metrics, { schema: { response: { 200: text } } }, async (_request, reply) =>
    reply.type(Metrics.type).send(await metrics.text()),
  )
}

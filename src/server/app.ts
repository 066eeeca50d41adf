/** The HTTP server: one Fastify instance from its parts. */
import swagger from '@fastify/swagger'
import { type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { routes } from '../api/routes.ts'
import type { ImageState } from '../api/state.ts'
import type { Capacity } from '../store/leases.ts'
import type { Facts } from '../base/facts.ts'
import type { Bus } from '../bus/bus.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { guard, type Access } from './access.ts'
import { eventsRoute } from './events.ts'
import type { ServerFacts } from './facts.ts'
import { answerFaults, schemaFaults } from './faults.ts'
import type { Metrics } from './metrics/metrics.ts'
import { metricsRoute } from './metrics/route.ts'
import { stateRoutes } from './state.ts'
import { acceptUploads } from './upload.ts'
import { workloadRoutes } from './workloads.ts'

export type FastifyTypeBox = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface ServerOptions {
  readonly scheduler: Scheduler
  readonly access: Access
  readonly home: string
  readonly node: string
  readonly build: string
  readonly version: string
  readonly capacity: Capacity
  readonly bodyBytes: number
  readonly archiveBytes: number
  /** Milliseconds between heartbeats of a log stream. */
  readonly heartbeatMs: number
  /** Where it states what it answered. */
  readonly facts: Facts<ServerFacts>
  /** What tells of workloads; closed, it ends the streams of it. */
  readonly bus: Bus
  readonly metrics: Pick<Metrics, 'text'>
  readonly images: () => Promise<readonly ImageState[]>
  /** Takes what went wrong inside. */
  readonly log: (error: unknown) => void
}

/** Builds the server; it does not listen yet. */
export async function buildServer(o: ServerOptions): Promise<FastifyTypeBox> {
  const app = Fastify({
    bodyLimit: o.bodyBytes,
    // Open log streams would hold a close for ever; the scheduler has ended them before.
    forceCloseConnections: true,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: true } },
    schemaErrorFormatter: schemaFaults,
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<TypeBoxTypeProvider>()
  answerFaults(app, o.log)
  stateAnswers(app, o.facts)
  guard(app, o.access)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Vulcan', version: o.version, description: 'Runs programs in Firecracker microVMs' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
  })
  await acceptUploads(app, {
    home: o.home,
    archiveBytes: o.archiveBytes,
    specBytes: o.bodyBytes,
  })
  workloadRoutes(app, o)
  eventsRoute(app, o)
  stateRoutes(app, o)
  metricsRoute(app, o.metrics)
  app.get(routes.openapi, { schema: { hide: true } }, () => app.swagger())
  await app.ready()
  return app
}

function stateAnswers(app: FastifyTypeBox, facts: Facts<ServerFacts>): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request
    const route = routeOptions.url ?? 'unmatched'
    facts.emit('request.answered', { method, route, status: reply.statusCode, ms: reply.elapsedTime })
    done()
  })
}

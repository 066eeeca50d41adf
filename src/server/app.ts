/** The HTTP server: one Fastify instance from its parts. */
import { type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type RawServerDefault,
} from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ImageState } from '../api/state.ts'
import type { Facts } from '../base/facts.ts'
import { exists } from '../base/files.ts'
import { orderedId } from '../base/id.ts'
import type { Bus } from '../bus/bus.ts'
import type { Limits } from '../scheduler/admission.ts'
import type { Capacity } from '../store/leases.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { guard, type Access } from './access.ts'
import { stateCalls } from './calls.ts'
import { dashboardRoutes } from './dashboard.ts'
import { Closing } from './closing.ts'
import type { DoctorOptions } from './doctor.ts'
import { documentRoutes } from './docs.ts'
import { eventsRoute } from './events.ts'
import type { ServerFacts } from './facts.ts'
import { answerBadUrl, answerFaults } from './faults.ts'
import { parseJson } from './json.ts'
import { keyRoutes } from './keys.ts'
import type { Metrics } from './metrics/metrics.ts'
import { metricsRoute } from './metrics/route.ts'
import { methodsOf } from './methods.ts'
import { describeRoutes } from './openapi.ts'
import { loginPath, loginRoutes } from './login.ts'
import { readNumbers } from './query.ts'
import { schemaFaults } from './schemafaults.ts'
import { Sessions } from './sessions.ts'
import { stateRoutes } from './state.ts'
import { requestRoutes } from './requests.ts'
import { streamRoutes } from './streams.ts'
import { acceptUploads } from './upload.ts'
import type { Warm } from './warm.ts'
import { answerUnread, boundArrivals } from './wire.ts'
import { workloadRoutes } from './workloads.ts'

export type FastifyTypeBox = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  interface FastifyInstance {
    /** The server's end; `refuse` begins it, `close` completes it. */
    closing: Closing
    /** Path of a new link that lets a browser in with the key of the home. */
    loginPath: () => string
  }
}

export interface ServerOptions {
  readonly scheduler: Scheduler
  /** What it keeps ready is told, and removed. */
  readonly backend: Warm
  readonly access: Omit<Access, 'failuresPerMinute' | 'sessions'>
  /** Requests without a valid key that one address may send in a minute. */
  readonly failuresPerMinute: number
  /** Addresses and CIDR blocks of proxies that are believed for whom, and over which protocol, they speak; none by default. */
  readonly trustedProxies?: readonly string[]
  /** Folder of the dashboard's files, where it was built. */
  readonly dashboard?: string | undefined
  readonly home: string
  readonly node: string
  readonly build: string
  readonly version: string
  /** By which it proves to the command line that it is the server of its home; without it, it proves nothing. */
  readonly secret?: string
  readonly capacity: Capacity
  readonly limits: Limits
  readonly bodyBytes: number
  readonly archiveBytes: number
  /** Milliseconds between heartbeats of a log stream. */
  readonly heartbeatMs: number
  /** Milliseconds that a close waits for requests in flight; 10 s by default. */
  readonly drainMs?: number
  /** Milliseconds without a byte after which a request that still arrives is given up; a minute by default. */
  readonly stallMs?: number
  /** Milliseconds that any body may take to arrive, however small it may be; a minute by default. */
  readonly leastArrivalMs?: number
  /** Connections at once, half-open ones included; 8192 by default, far below the descriptors that a server may have. */
  readonly mostConnections?: number
  /** Where it states what it answered. */
  readonly facts: Facts<ServerFacts>
  /** What tells of workloads; closed, it ends the streams of it. */
  readonly bus: Bus
  readonly metrics: Pick<Metrics, 'text'>
  /** Looks at this host as `vulcan doctor` does. */
  readonly diagnose: DoctorOptions['diagnose']
  readonly images: () => Promise<readonly ImageState[]>
  /** Takes what went wrong inside. */
  readonly log: (error: unknown) => void
}

/** Builds the server; it does not listen yet. */
export async function buildServer(o: ServerOptions): Promise<FastifyTypeBox> {
  const app = bareServer(o)
  // Vms need descriptors too: who opens connections without end is let in nowhere, and keeps no run from its vm.
  app.server.maxConnections = o.mostConnections ?? 8192
  answerFaults(app, o.log)
  stateAnswers(app, o.facts)
  stateCalls(app, o.facts)
  const closing = new Closing()
  app.decorate('closing', closing)
  closing.watch(app, o.drainMs ?? 10_000)
  const sessions = new Sessions(o.home)
  app.decorate('loginPath', () => loginPath(sessions.link(o.access.keyring.localSha256).token))
  guard(app, { ...o.access, failuresPerMinute: o.failuresPerMinute, sessions }, o.facts)
  boundArrivals(app, { ...o, stallMs: o.stallMs ?? 60_000, leastMs: o.leastArrivalMs ?? 60_000 })
  readNumbers(app)
  const refuseOtherMethods = methodsOf(app)
  await describeRoutes(app, o.version)
  await acceptUploads(app, { ...o, specBytes: o.bodyBytes, requests: o.scheduler.requests })
  workloadRoutes(app, { ...o, closing })
  requestRoutes(app, o.scheduler)
  streamRoutes(app, { ...o, closing })
  eventsRoute(app, { ...o, closing })
  stateRoutes(app, o)
  keyRoutes(app, o.access.keyring)
  metricsRoute(app, o.metrics)
  documentRoutes(app)
  loginRoutes(app, { sessions, keyring: o.access.keyring, facts: o.facts })
  if (o.dashboard !== undefined && (await exists(o.dashboard))) await dashboardRoutes(app, o.dashboard)
  refuseOtherMethods()
  await app.ready()
  return app
}

function bareServer({ bodyBytes, trustedProxies = [] }: ServerOptions): FastifyTypeBox {
  const app = Fastify({
    bodyLimit: bodyBytes,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    // Whatever is open when the drain is over would hold a close for ever.
    forceCloseConnections: true,
    // Ours says so as problem+json.
    return503OnClosing: false,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: true } },
    schemaErrorFormatter: schemaFaults,
    clientErrorHandler: answerUnread,
    frameworkErrors: answerBadUrl,
    genReqId: () => orderedId(),
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
  }).withTypeProvider<TypeBoxTypeProvider>()
  // JSON and multipart alone: whatever else comes is 415.
  app.removeContentTypeParser('text/plain')
  takeNoBody(app)
  return app
}

/** Many clients say `Content-Type: application/json` of every request: where a route takes no body, none is no fault. */
function takeNoBody(app: FastifyTypeBox): void {
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (request: FastifyRequest, text: string) =>
    text === '' && !request.routeOptions.schema?.body ? undefined : parseJson(text, 'body'),
  )
}

function stateAnswers(app: FastifyTypeBox, facts: Facts<ServerFacts>): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request
    const route = routeOptions.url ?? 'unmatched'
    facts.emit('request.answered', { method, route, status: reply.statusCode, ms: reply.elapsedTime })
    done()
  })
}

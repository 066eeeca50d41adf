/** The routes of workloads: handing in, reading, killing. */
import type { FastifyRequest } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { ErrorCode } from '../api/errors.ts'
import { InvalidBody } from '../api/problem.ts'
import { ref } from '../api/ref.ts'
import { pathOf, routes } from '../api/routes.ts'
import { Accepted, hasEnded, WorkloadPage, WorkloadRecord, WorkloadRequest, WorkloadStatus } from '../api/workload.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import type { FastifyTypeBox } from './app.ts'
import type { Closing } from './closing.ts'
import { outputOf, streamEvents } from './logs.ts'
import { NoQuery, Query } from './query.ts'

export interface WorkloadRouteOptions {
  readonly heartbeatMs: number
  readonly closing: Closing
}

const tags = ['workloads']
const Id = Type.Object({ id: Type.String({ maxLength: 64, description: 'of the workload' }) })

export function workloadRoutes(app: FastifyTypeBox, scheduler: Scheduler, o: WorkloadRouteOptions): void {
  submitRoutes(app, scheduler, o.closing)
  readRoutes(app, scheduler)
  killRoute(app, scheduler)
  logsRoute(app, scheduler, o)
  outputRoute(app, scheduler, o.closing)
}

const submitCodes: ErrorCode[] = [
  'backend_missing',
  'entrypoint_missing',
  'entrypoint_ambiguous',
  'archive_corrupt',
  'archive_unsafe',
  'archive_too_large',
  'idempotency_conflict',
  'overloaded',
]

const Submission = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'the same as the field idempotency_key' }),
  ),
})

const Location = Type.String({ description: 'path of the workload' })
const located = <S extends TSchema>(schema: S) => ({ ...ref(schema), headers: { Location } })

/** What can be done with an id that was given out. */
const links = {
  202: Object.fromEntries(
    ['getWorkload', 'killWorkload', 'followWorkload'].map((operationId) => [
      operationId,
      { operationId, parameters: { id: '$response.body#/id' } },
    ]),
  ),
}

function submitRoutes(app: FastifyTypeBox, scheduler: Scheduler, closing: Closing): void {
  const config = { codes: submitCodes, multipart: true } as const
  const submission = { tags, headers: Submission, body: ref(WorkloadRequest) }
  const wait_s = Type.Number({ minimum: 0, maximum: 86_400, description: 'seconds to wait at most; 202 after them' })
  const waiting = {
    ...submission,
    operationId: 'runWorkload',
    summary: 'Runs a workload and waits for its end',
    description: 'A program that failed is 200 too; `exit` says how it ended. A client that goes away does not end it.',
    querystring: Query({ wait_s: Type.Optional(wait_s) }),
    response: { 200: located(WorkloadRecord), 202: located(WorkloadRecord) },
  }
  app.post(routes.workloads, { config, schema: waiting }, async (request, reply) => {
    const { id } = await scheduler.accept(withKey(request), request.upload ?? undefined)
    void reply.header('location', pathOf(routes.workload, { id }))
    await waitFor(scheduler, id, { waitS: request.query.wait_s, request, closing: closing.begun })
    const record = await scheduler.record(id)
    return reply.status(hasEnded(record.status) ? 200 : 202).send(record)
  })

  const detached = {
    ...submission,
    operationId: 'submitWorkload',
    summary: 'Hands a workload in and returns at once',
    querystring: NoQuery,
    response: { 202: located(Accepted) },
  }
  app.post(routes.workloadsAsync, { config, links, schema: detached }, async (request, reply) => {
    const { id, status } = await scheduler.accept(withKey(request), request.upload ?? undefined)
    return reply.status(202).header('location', pathOf(routes.workload, { id })).send({ id, status })
  })
}

function readRoutes(app: FastifyTypeBox, scheduler: Scheduler): void {
  const Filter = Query({
    status: Type.Optional(ref(WorkloadStatus)),
    runtime: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    label: Type.Optional(Type.String({ maxLength: 512, pattern: '^[^=]+=', description: 'name=value' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'most in one page; 50 by default' })),
    cursor: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
        description: 'next_cursor of the page before',
      }),
    ),
  })
  const list = {
    tags,
    operationId: 'listWorkloads',
    summary: 'Lists workloads, newest first, without their output',
    querystring: Filter,
    response: { 200: ref(WorkloadPage) },
  }
  app.get(routes.workloads, { schema: list }, (request) => {
    const { status, runtime, label, limit = 50, cursor } = request.query
    const [name = '', ...value] = (label ?? '').split('=')
    const fitting = scheduler
      .summaries()
      .filter((summary) => status === undefined || summary.status === status)
      .filter((summary) => runtime === undefined || summary.runtime === runtime)
      .filter((summary) => label === undefined || summary.labels[name] === value.join('='))
      .filter((summary) => cursor === undefined || summary.id < cursor)
    const workloads = fitting.slice(0, limit)
    const last = workloads.at(-1)
    return { workloads, ...(last && fitting.length > workloads.length && { next_cursor: last.id }) }
  })

  const read = { tags, operationId: 'getWorkload', summary: 'Reads the record', params: Id, querystring: NoQuery }
  app.get(
    routes.workload,
    { config: { codes: ['not_found'] }, schema: { ...read, response: { 200: ref(WorkloadRecord) } } },
    (request) => scheduler.record(request.params.id),
  )
}

function killRoute(app: FastifyTypeBox, scheduler: Scheduler): void {
  const kill = {
    tags,
    operationId: 'killWorkload',
    summary: 'Kills a workload that waits or runs',
    params: Id,
    querystring: NoQuery,
    response: { 202: ref(Accepted) },
  }
  app.delete(routes.workload, { config: { codes: ['not_found', 'already_ended'] }, schema: kill }, (request, reply) => {
    scheduler.kill(request.params.id)
    void reply.status(202)
    const { id, status } = scheduler.summary(request.params.id)
    return { id, status }
  })
}

const logsWords = `Server-sent events. \`stdout\` and \`stderr\` carry \`{"text":…}\`, or \`{"base64":…}\` for bytes that are not UTF-8;
\`status\` carries \`{"status":…}\`; the last is \`end\` with \`{"status":…,"exit":…}\`, also when the vm was lost. Ids count up
from 1 without a gap; \`Last-Event-ID\` goes on after one. Comments keep the connection alive. A server that goes away before
the end says \`shutdown\`, an event without an id: take the stream up again after the \`retry\` it names.`

function logsRoute(app: FastifyTypeBox, scheduler: Scheduler, o: WorkloadRouteOptions): void {
  const most = 1e15
  const LastSeen = Type.Object({
    'last-event-id': Type.Optional(
      Type.String({ pattern: '^[0-9]{1,15}$', description: 'the last event already seen; goes before `after`' }),
    ),
  })
  const after = Type.Integer({ minimum: 0, maximum: most, description: 'the last event already seen' })
  const schema = {
    tags,
    operationId: 'followWorkload',
    summary: 'Follows output and status, live and from the beginning',
    description: logsWords,
    params: Id,
    headers: LastSeen,
    querystring: Query({ after: Type.Optional(after) }),
  }
  const config = {
    codes: ['not_found'] satisfies ErrorCode[],
    media: { type: 'text/event-stream', description: 'events up to the end of the workload' },
  }
  app.get(routes.logs, { schema, config, exposeHeadRoute: false }, async (request, reply) => {
    const seen = Number(request.headers['last-event-id'] ?? request.query.after ?? 0)
    const { heartbeatMs, closing } = o
    await streamEvents(scheduler, { id: request.params.id, after: seen, reply, heartbeatMs, closing: closing.streams })
  })
}

function outputRoute(app: FastifyTypeBox, scheduler: Scheduler, closing: Closing): void {
  const Stream = Type.Object({ ...Id.properties, stream: Type.Enum(['stdout', 'stderr'], { type: 'string' }) })
  const schema = {
    tags,
    operationId: 'readOutput',
    summary: 'Reads everything the program writes to one stream, as bytes, until it ends',
    params: Stream,
    querystring: NoQuery,
  }
  const config = {
    codes: ['not_found'] satisfies ErrorCode[],
    media: { type: 'application/octet-stream', description: 'the bytes as they come' },
  }
  app.get(routes.output, { schema, config, exposeHeadRoute: false }, (request, reply) =>
    reply.type('application/octet-stream').send(outputOf(scheduler, { ...request.params, closing: closing.streams })),
  )
}

/** The key may come as a header too; a body that names another one is a contradiction. */
function withKey(request: FastifyRequest<{ Body: WorkloadRequest }>): WorkloadRequest {
  const workload = request.body
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string') return workload
  if (workload.idempotency_key !== undefined && workload.idempotency_key !== key) {
    throw new InvalidBody([{ path: '/idempotency_key', message: 'differs from the Idempotency-Key header' }])
  }
  return { ...workload, idempotency_key: key }
}

/** Waits for the end, the given time, or until client or server go away, which does not end the run. */
async function waitFor(
  scheduler: Scheduler,
  id: string,
  {
    waitS,
    request,
    closing,
  }: { waitS: number | undefined; request: { raw: FastifyRequest['raw'] }; closing: AbortSignal },
): Promise<void> {
  const enough = new AbortController()
  const stop = () => enough.abort()
  const timer = waitS === undefined ? undefined : setTimeout(stop, waitS * 1000)
  request.raw.socket.once('close', stop)
  try {
    await scheduler.ended(id, AbortSignal.any([enough.signal, closing]))
  } catch (error) {
    if (!enough.signal.aborted && !closing.aborted) throw error
  } finally {
    clearTimeout(timer)
    request.raw.socket.off('close', stop)
  }
}

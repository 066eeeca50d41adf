/** The routes of workloads. */
import type { FastifyTypeBox, ServerOptions } from './app.ts'
import { Type } from 'typebox'
import { VulcanError } from '../api/errors.ts'
import { InvalidBody, Problem } from '../api/problem.ts'
import { pathOf, routes } from '../api/routes.ts'
import { Accepted, hasEnded, statuses, WorkloadRecord, WorkloadRequest, WorkloadSummary } from '../api/workload.ts'
import type { FastifyRequest } from 'fastify'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { outputOf, streamEvents } from './logs.ts'

const problems = { '4xx': Problem, '5xx': Problem }
const body = {
  content: {
    'application/json': { schema: WorkloadRequest },
    // What is validated is the part `spec`; the part `archive` is a file.
    'multipart/form-data': { schema: WorkloadRequest },
  },
}
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) })

type Parts = Pick<ServerOptions, 'scheduler' | 'facts' | 'heartbeatMs'>

export function workloadRoutes(app: FastifyTypeBox, o: Parts): void {
  const { scheduler, facts } = o
  submitRoutes(app, o)
  readRoutes(app, scheduler)

  app.delete(
    routes.workload,
    { schema: { params: Id, response: { 202: Accepted, ...problems } } },
    async (request, reply) => {
      await scheduler.kill(request.params.id)
      void reply.status(202)
      const { id, status } = await scheduler.summary(request.params.id)
      return { id, status }
    },
  )

  const Part = Type.Object({
    after: Type.Optional(Type.String({ description: 'the last event id already seen' })),
    follow: Type.Optional(Type.Enum(['true', 'false'], { description: 'false: end with the newest event' })),
  })
  app.get(routes.logs, { schema: { params: Id, querystring: Part } }, async (request, reply) => {
    const { id } = request.params
    facts.emit('stream.opened', { id })
    try {
      await streamEvents(scheduler, { request, reply, id }, o.heartbeatMs)
    } finally {
      facts.emit('stream.closed', { id })
    }
  })

  const Stream = Type.Object({ id: Type.String({ maxLength: 64 }), stream: Type.String() })
  app.get(routes.output, { schema: { params: Stream } }, async (request, reply) =>
    reply.type('application/octet-stream').send(await outputOf(scheduler, request.params.id, request.params.stream)),
  )
}

function submitRoutes(app: FastifyTypeBox, o: Parts): void {
  const { scheduler } = o
  const Wait = Type.Object(
    { wait_s: Type.Optional(Type.String({ description: 'seconds to wait at most; 202 after them' })) },
    { additionalProperties: false },
  )
  const waiting = { body, querystring: Wait, response: { 200: WorkloadRecord, 202: WorkloadRecord, ...problems } }
  app.post(routes.workloads, { schema: waiting }, async (request, reply) => {
    const waitMs = waitOf(request.query.wait_s)
    const id = await submit(o, request)
    void reply.header('location', pathOf(routes.workload, { id }))
    await waitFor(scheduler, id, { waitMs, request })
    const record = await scheduler.record(id)
    return reply.status(hasEnded(record.status) ? 200 : 202).send(record)
  })

  const detached = { body, response: { 202: Accepted, ...problems } }
  app.post(routes.workloadsAsync, { schema: detached }, async (request, reply) => {
    const id = await submit(o, request)
    const status = await scheduler.status(id)
    return reply.status(202).header('location', pathOf(routes.workload, { id })).send({ id, status })
  })
}

function readRoutes(app: FastifyTypeBox, scheduler: Scheduler): void {
  const Query = Type.Object(
    {
      status: Type.Optional(Type.Enum([...statuses])),
      runtime: Type.Optional(Type.String()),
      label: Type.Optional(Type.String({ description: 'name=value' })),
      limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,4}$' })),
      cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before' })),
    },
    { additionalProperties: false },
  )
  const Page = Type.Object({ workloads: Type.Array(WorkloadSummary), next_cursor: Type.Optional(Type.String()) })
  app.get(
    routes.workloads,
    { schema: { querystring: Query, response: { 200: Page, ...problems } } },
    async (request) => {
      const { status, runtime, label, limit = '50', cursor } = request.query
      const [name = '', ...value] = (label ?? '').split('=')
      const size = Number(limit)
      const found = await scheduler.summaries({
        status,
        runtime,
        label: label === undefined ? undefined : { name, value: value.join('=') },
        before: cursor,
        // One more than is shown tells whether there is another page.
        limit: size + 1,
      })
      const workloads = found.slice(0, size)
      const last = workloads.at(-1)
      return { workloads, ...(last && found.length > size && { next_cursor: last.id }) }
    },
  )

  app.get(routes.workload, { schema: { params: Id, response: { 200: WorkloadRecord, ...problems } } }, (request) =>
    scheduler.record(request.params.id),
  )
}

/** Takes the request's workload in; a caller who traces is named to whoever draws traces. */
async function submit({ scheduler, facts }: Parts, request: FastifyRequest): Promise<string> {
  const id = await scheduler.accept(withKey(request), { upload: request.upload ?? undefined })
  const { traceparent } = request.headers
  if (typeof traceparent === 'string' && !hasEnded(await scheduler.status(id))) {
    facts.emit('workload.submitted', { id, traceparent })
  }
  return id
}

/** The key may come as a header too; a body that names another one is a contradiction. */
function withKey(request: FastifyRequest): WorkloadRequest {
  const workload = request.body as WorkloadRequest
  const key = request.headers['idempotency-key']
  if (typeof key !== 'string') return workload
  if (workload.idempotency_key !== undefined && workload.idempotency_key !== key) {
    throw new InvalidBody([{ path: '/idempotency_key', message: 'differs from the Idempotency-Key header' }])
  }
  return { ...workload, idempotency_key: key }
}

function waitOf(raw: string | undefined): number | undefined {
  if (raw === undefined) return undefined
  const seconds = Number(raw)
  if (raw.trim() === '' || !(seconds >= 0 && seconds <= 86_400)) {
    throw new InvalidBody([{ path: '/querystring/wait_s', message: 'is not a number of seconds from 0 to 86400' }])
  }
  return seconds * 1000
}

/** Waits for the end, the given time, or until the client goes away, which does not end the run. */
async function waitFor(
  scheduler: Scheduler,
  id: string,
  { waitMs, request }: { waitMs: number | undefined; request: FastifyRequest },
): Promise<void> {
  const enough = new AbortController()
  const stop = () => enough.abort(new VulcanError('shutting_down', 'waited long enough'))
  const timer = waitMs === undefined ? undefined : setTimeout(stop, waitMs)
  request.raw.socket.once('close', stop)
  try {
    await scheduler.ended(id, enough.signal)
  } catch (error) {
    if (!enough.signal.aborted) throw error
  } finally {
    clearTimeout(timer)
    request.raw.socket.off('close', stop)
  }
}

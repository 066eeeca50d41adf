/** The routes of workloads: handing in, reading, killing. */
import type { FastifyRequest } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { ErrorCode } from '../api/errors.ts'
import { InvalidBody } from '../api/problem.ts'
import { ref } from '../api/ref.ts'
import { pathOf, routes } from '../api/routes.ts'
import { eventStream } from '../api/sse.ts'
import { Accepted, hasEnded, WorkloadPage, WorkloadRecord, WorkloadRequest, WorkloadStatus } from '../api/workload.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { expectPower, expectSight, sightOf, whoAsks } from './access.ts'
import type { FastifyTypeBox } from './app.ts'
import { stateCall } from './calls.ts'
import { withKey } from './idempotency.ts'
import { eventNames, streamEvents, type WorkloadRouteOptions } from './logs.ts'
import { Id, NoQuery, Query } from './query.ts'

const tags = ['workloads']

export function workloadRoutes(app: FastifyTypeBox, o: WorkloadRouteOptions): void {
  submitRoutes(app, o)
  readRoutes(app, o.scheduler)
  killRoute(app, o.scheduler)
}

const submitCodes: ErrorCode[] = [
  'backend_missing',
  'host_unfit',
  'entrypoint_missing',
  'entrypoint_ambiguous',
  'archive_corrupt',
  'archive_unsafe',
  'archive_too_large',
  'idempotency_conflict',
  'not_found',
  'overloaded',
  'quota_exceeded',
]

const SubmissionHeaders = Type.Object({
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

const runWords = `A program that failed is 200 too; \`exit\` says how it ended. A client that goes away does not end it.
With \`Accept: ${eventStream}\` the answer begins as soon as the workload is taken in, and is its events, as \`/logs\` gives
them: output reaches the client without a second request. Where it breaks off, \`/logs\` of \`Location\` goes on.`

const media = {
  type: eventStream,
  description: 'the record, or the events where `Accept` asks for them',
  events: eventNames,
}

/** Throws where it asks for events and for a bound of its wait. */
function wantsEvents(request: FastifyRequest<{ Querystring: { wait_s?: number } }>): boolean {
  const { accept = '' } = request.headers
  if (!accept.split(',').some((range) => range.split(';')[0]?.trim().toLowerCase() === eventStream)) return false
  if (request.query.wait_s === undefined) return true
  const message = `has no meaning with events (Accept: ${eventStream}): they come until the workload ends`
  throw new InvalidBody([{ path: '/querystring/wait_s', message }])
}

/** Records are made for this answer alone, field by field; the serializer of a schema takes twice as long for the same text. */
const asTheyAre = () => JSON.stringify

function submitRoutes(app: FastifyTypeBox, o: WorkloadRouteOptions): void {
  const { scheduler, closing } = o
  const config = { scope: 'run', codes: submitCodes, multipart: true } as const
  const submission = { tags, headers: SubmissionHeaders, body: ref(WorkloadRequest) }
  const wait_s = Type.Number({ minimum: 0, maximum: 86_400, description: 'seconds to wait at most; 202 after them' })
  const waiting = {
    ...submission,
    operationId: 'runWorkload',
    summary: 'Runs a workload and waits for its end',
    description: runWords,
    querystring: Query({ wait_s: Type.Optional(wait_s) }),
    response: { 200: located(WorkloadRecord), 202: located(WorkloadRecord) },
  }
  const whole = { config: { ...config, media }, schema: waiting, serializerCompiler: asTheyAre }
  app.post(routes.workloads, whole, async (request, reply) => {
    const asEvents = wantsEvents(request)
    const id = await submit(o, request)
    void reply.header('location', pathOf(routes.workload, { id }))
    if (asEvents) return streamEvents(o, { id, after: 0, follow: true, reply })
    const ended = await waitFor(scheduler, id, { waitS: request.query.wait_s, request, closing: closing.begun })
    const record = ended ?? (await scheduler.record(id))
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
    const id = await submit(o, request)
    const status = await scheduler.status(id)
    return reply.status(202).header('location', pathOf(routes.workload, { id })).send({ id, status })
  })
}

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

function readRoutes(app: FastifyTypeBox, scheduler: Scheduler): void {
  const list = {
    tags,
    operationId: 'listWorkloads',
    summary: 'Lists workloads, newest first, without their output',
    querystring: Filter,
    response: { 200: ref(WorkloadPage) },
  }
  app.get(routes.workloads, { config: { scope: 'any' }, schema: list }, async (request) => {
    const { status, runtime, label, limit = 50, cursor } = request.query
    const [name = '', ...value] = (label ?? '').split('=')
    const found = await scheduler.summaries({
      tenant: sightOf(whoAsks(request)),
      status,
      runtime,
      label: label === undefined ? undefined : { name, value: value.join('=') },
      before: cursor,
      // One more than is shown tells whether there is another page.
      limit: limit + 1,
    })
    const workloads = found.slice(0, limit)
    const last = workloads.at(-1)
    return { workloads, ...(last && found.length > limit && { next_cursor: last.id }) }
  })

  const read = { tags, operationId: 'getWorkload', summary: 'Reads the record', params: Id, querystring: NoQuery }
  app.get(
    routes.workload,
    { config: { scope: 'any', codes: ['not_found'] }, schema: { ...read, response: { 200: ref(WorkloadRecord) } } },
    async (request) => {
      await expectSight(scheduler, request, request.params.id)
      return scheduler.record(request.params.id)
    },
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
  const config = { scope: 'run', codes: ['not_found', 'already_ended'] } as const
  app.delete(routes.workload, { config, schema: kill }, async (request, reply) => {
    await expectPower(scheduler, request, request.params.id)
    await scheduler.kill(request.params.id)
    void reply.status(202)
    const { id, status } = await scheduler.summary(request.params.id)
    return { id, status }
  })
}

type Submission = FastifyRequest<{ Body: WorkloadRequest }>

/** Takes the request's workload in. */
async function submit({ scheduler, facts }: WorkloadRouteOptions, request: Submission): Promise<string> {
  // Once it is taken in, or is not, its archive arrives no more.
  using _place = request.place
  const { traceparent } = request.headers
  const id = await scheduler.accept(withKey(request), {
    upload: request.upload ?? undefined,
    by: whoAsks(request),
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  })
  request.subject = id
  // Whoever waits for its end may wait for long, and the call is made.
  stateCall(facts, request, 202)
  return id
}

/** Waits for the end, the given time, or until client or server go away, which does not end the run. Its record, if at hand. */
async function waitFor(
  scheduler: Scheduler,
  id: string,
  {
    waitS,
    request,
    closing,
  }: { waitS: number | undefined; request: { raw: FastifyRequest['raw'] }; closing: AbortSignal },
): Promise<WorkloadRecord | undefined> {
  const enough = new AbortController()
  const stop = () => enough.abort()
  const timer = waitS === undefined ? undefined : setTimeout(stop, waitS * 1000)
  request.raw.socket.once('close', stop)
  if (request.raw.socket.destroyed) stop()
  if (closing.aborted) stop()
  else closing.addEventListener('abort', stop, { once: true })
  try {
    return await scheduler.ended(id, enough.signal)
  } catch (error) {
    if (!enough.signal.aborted) throw error
    return undefined
  } finally {
    clearTimeout(timer)
    request.raw.socket.off('close', stop)
    closing.removeEventListener('abort', stop)
  }
}

/** The routes of a workload's log and its output. */
import { Type } from 'typebox'
import type { ErrorCode } from '../api/errors.ts'
import { routes } from '../api/routes.ts'
import { eventStream } from '../api/sse.ts'
import { expectSight } from './access.ts'
import type { FastifyTypeBox } from './app.ts'
import { eventNames, outputOf, streamEvents, type WorkloadRouteOptions } from './logs.ts'
import { Id, NoQuery, Query } from './query.ts'

const tags = ['workloads']

export function streamRoutes(app: FastifyTypeBox, o: WorkloadRouteOptions): void {
  logsRoute(app, o)
  outputRoute(app, o)
}

const logsWords = `Server-sent events. \`stdout\` and \`stderr\` carry \`{"text":…}\`, or \`{"base64":…}\` for bytes that are not UTF-8;
\`status\` carries \`{"status":…}\`; \`denied\` a destination that the network refused, each once; the last is \`end\` with \`{"status":…,"exit":…}\`, also when the vm was lost. Ids count up
from 1 without a gap; \`Last-Event-ID\` goes on after one. Comments keep the connection alive. A server that goes away before
the end says \`shutdown\`, an event without an id: take the stream up again after the \`retry\` it names. Taken up at \`end\` or behind
it, the answer is 204: there is no more.`

function logsRoute(app: FastifyTypeBox, o: WorkloadRouteOptions): void {
  const most = 1e15
  const LastSeen = Type.Object({
    'last-event-id': Type.Optional(
      Type.String({ pattern: '^[0-9]{1,15}$', description: 'the last event already seen; goes before `after`' }),
    ),
  })
  const after = Type.Integer({ minimum: 0, maximum: most, description: 'the last event already seen' })
  const Follow = Type.Enum(['true', 'false'], { type: 'string', description: 'false: end with the newest event' })
  const schema = {
    tags,
    operationId: 'followWorkload',
    summary: 'Follows output and status, live and from the beginning',
    description: logsWords,
    params: Id,
    headers: LastSeen,
    querystring: Query({ after: Type.Optional(after), follow: Type.Optional(Follow) }),
    response: { 204: Type.Null({ description: 'the last event already seen was the end, or is behind it' }) },
  }
  const config = {
    scope: 'any' as const,
    codes: ['not_found'] satisfies ErrorCode[],
    media: {
      type: eventStream,
      description: 'events up to the end of the workload',
      events: eventNames,
    },
  }
  app.get(routes.logs, { schema, config, exposeHeadRoute: false }, async (request, reply) => {
    const { id } = request.params
    await expectSight(o.scheduler, request, id)
    const after = Number(request.headers['last-event-id'] ?? request.query.after ?? 0)
    const follow = request.query.follow !== 'false'
    await streamEvents(o, { id, after, follow, reply })
  })
}

function outputRoute(app: FastifyTypeBox, { scheduler, closing }: WorkloadRouteOptions): void {
  const Stream = Type.Object({ ...Id.properties, stream: Type.Enum(['stdout', 'stderr'], { type: 'string' }) })
  const schema = {
    tags,
    operationId: 'readOutput',
    summary: 'Reads everything the program writes to one stream, as bytes, until it ends',
    params: Stream,
    querystring: NoQuery,
  }
  const config = {
    scope: 'any' as const,
    codes: ['not_found'] satisfies ErrorCode[],
    media: { type: 'application/octet-stream', description: 'the bytes as they come' },
  }
  app.get(routes.output, { schema, config, exposeHeadRoute: false }, async (request, reply) => {
    await expectSight(scheduler, request, request.params.id)
    void reply.type('application/octet-stream')
    return reply.send(await outputOf(scheduler, { ...request.params, closing: closing.streams }))
  })
}

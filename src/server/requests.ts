/** The routes of what was asked for: the request, and the archive that came with it. */
import { createReadStream } from 'node:fs'
import type { ErrorCode } from '../api/errors.ts'
import { ref } from '../api/ref.ts'
import { KeptRequest } from '../api/request.ts'
import { routes } from '../api/routes.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { expectPower, expectSight, isTrusted } from './access.ts'
import type { FastifyTypeBox } from './app.ts'
import { Id, NoQuery } from './query.ts'

const tags = ['workloads']

export function requestRoutes(app: FastifyTypeBox, scheduler: Scheduler): void {
  requestRoute(app, scheduler)
  archiveRoute(app, scheduler)
}

const words = `\`request\` can be handed in again. It is kept as long as the record, unless the server is told otherwise
(\`retention.requests\`). Code, arguments, environment and inputs are told to the key that handed it in, and to admin.`

function requestRoute(app: FastifyTypeBox, scheduler: Scheduler): void {
  const schema = {
    tags,
    operationId: 'getRequest',
    summary: 'Reads what was asked for',
    description: words,
    params: Id,
    querystring: NoQuery,
    response: { 200: ref(KeptRequest) },
  }
  const config = { scope: 'any' as const, codes: ['not_found'] satisfies ErrorCode[] }
  app.get(routes.request, { config, schema }, async (request) => {
    const { id } = request.params
    await expectSight(scheduler, request, id)
    return scheduler.requests.read(id, { whole: await isTrusted(scheduler, request, id) })
  })
}

function archiveRoute(app: FastifyTypeBox, scheduler: Scheduler): void {
  const schema = {
    tags,
    operationId: 'readArchive',
    summary: 'Reads the archive that a workload came as',
    params: Id,
    querystring: NoQuery,
  }
  const config = {
    scope: 'any' as const,
    codes: ['not_found', 'forbidden'] satisfies ErrorCode[],
    media: { type: 'application/octet-stream', description: 'the archive, as it was handed in' },
  }
  app.get(routes.archive, { config, schema, exposeHeadRoute: false }, async (request, reply) => {
    const { id } = request.params
    await expectPower(scheduler, request, id)
    const { path, format } = await scheduler.requests.archive(id)
    void reply.type('application/octet-stream')
    void reply.header('content-disposition', `attachment; filename="${id}.${format}"`)
    return reply.send(createReadStream(path))
  })
}

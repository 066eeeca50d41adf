/** The document of the API, made from the routes: their schemas, and what `config` says of errors and media. */
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import type { TSchema } from 'typebox'
import { errorTable, type ErrorCode } from '../api/errors.ts'
import { Conversation } from '../api/conversation.ts'
import * as doctor from '../api/doctor.ts'
import { Firewall } from '../api/firewall.ts'
import * as keys from '../api/keys.ts'
import { Code, Problem, problemMediaType } from '../api/problem.ts'
import { openPaths } from '../api/routes.ts'
import { KeptRequest } from '../api/request.ts'
import * as state from '../api/state.ts'
import * as warm from '../api/warm.ts'
import * as workload from '../api/workload.ts'
import { tidy } from './tidy.ts'

/** An answer that is not JSON. */
interface Media {
  readonly type: string
  readonly description: string
  /** Names of the events of a stream. */
  readonly events?: readonly string[]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Errors that this route gives besides those of every route. */
    codes?: readonly ErrorCode[]
    /** The answer of 200 that is not JSON; beside one that is, where the schema has that. */
    media?: Media
    /** The body may come as multipart too. */
    multipart?: true
  }
}

/** Every schema with a name of its own. */
const named: readonly TSchema[] = [
  Code,
  Problem,
  keys.KeyScope,
  keys.KeyQuotas,
  keys.KeyRequest,
  keys.KeyInfo,
  keys.NewKey,
  keys.KeyList,
  workload.WorkloadStatus,
  workload.NetworkMode,
  workload.ResourcesRequest,
  workload.NetworkRequest,
  workload.WorkloadRequest,
  KeptRequest,
  workload.ExitRecord,
  Firewall,
  workload.RunRecord,
  Conversation,
  workload.WorkloadSummary,
  workload.WorkloadRecord,
  workload.WorkloadPage,
  workload.Accepted,
  state.Health,
  state.Readiness,
  state.BackendState,
  state.BackendList,
  state.NodeState,
  state.NodeList,
  state.ImageState,
  state.ImageList,
  state.CleanupReport,
  state.LeftoverState,
  state.LeftoverList,
  doctor.HostCheck,
  doctor.HostReport,
  warm.TemplateInfo,
  warm.TemplateList,
  warm.PoolClass,
  warm.PoolReport,
  state.LoginLink,
  state.Stats,
]

const about = `Runs programs that you do not trust in Firecracker microVMs.

Every error is \`application/problem+json\` (RFC 9457) with a \`code\` from one table; each route lists those that it gives.
Besides, a path answers 405 to a method that it does not take, and what cannot be read as a request is 400, 408 or 431.`

export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  for (const schema of named) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Vulcan',
        version,
        description: about,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'this server' }],
      tags: [
        { name: 'workloads', description: 'programs to run, and what became of them' },
        { name: 'keys', description: 'who may do what' },
        { name: 'state', description: 'what the server is, has and does' },
      ],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'a key: vk_…; what it may do is in its scopes' },
        },
      },
      security: [{ key: [] }],
    },
    refResolver: { buildLocalReference: ({ $id }) => $id as string },
    transform: ({ schema, url, route }) => ({ schema: described(schema ?? {}, route), url }),
    transformObject: (made) => ('openapiObject' in made ? tidy(made.openapiObject) : made.swaggerObject),
  })
}

/** Errors that any route may give, as its method and path have it. */
export function codesOf({ method, url, config }: Pick<RouteOptions, 'method' | 'url' | 'config'>): Set<ErrorCode> {
  const codes: ErrorCode[] = ['forbidden_origin', 'invalid_field', 'internal', 'shutting_down']
  if (!openPaths.has(url)) codes.push('unauthorized', 'too_many_failures', 'store_failed')
  if (!openPaths.has(url) && config?.scope !== 'any') codes.push('forbidden')
  if (method !== 'GET' && method !== 'HEAD') {
    codes.push('invalid_request', 'body_too_large', 'unsupported_media_type')
  }
  return new Set([...codes, ...(config?.codes ?? [])])
}

/** A route's schema as the document shows it. What is only described here costs no compiled validator or serializer. */
function described(schema: FastifySchema, route: RouteOptions): FastifySchema {
  const { media, multipart } = route.config ?? {}
  return {
    ...schema,
    ...(openPaths.has(route.url) && { security: [] }),
    ...(multipart && { body: eitherBody(schema.body) }),
    response: {
      ...(schema.response as object | undefined),
      ...(media && { 200: inMedia(media, (schema.response as { 200?: TSchema } | undefined)?.[200]) }),
      ...problems(codesOf(route)),
    },
  }
}

/** An answer in a media type of its own, and as JSON where that has a schema. */
function inMedia(media: Media, json: (TSchema & { headers?: object }) | undefined): object {
  const content = { [media.type]: { schema: schemaOf(media) } }
  if (!json) return { description: media.description, content }
  const { headers, ...schema } = json
  return { description: media.description, headers, content: { 'application/json': { schema }, ...content } }
}

/** One event of a stream: its fields as text. */
const eventOf = (names: readonly string[]) => ({
  type: 'object',
  required: ['event', 'data'],
  properties: {
    id: { type: 'string', pattern: '^[1-9][0-9]*$' },
    event: { type: 'string', enum: names },
    data: { type: 'string', contentMediaType: 'application/json' },
  },
})

function schemaOf({ type, events }: Media): object {
  if (type === 'application/json') return { type: 'object', additionalProperties: true }
  if (events) return eventOf(events)
  return { type: 'string', ...(type === 'application/octet-stream' && { format: 'binary' }) }
}

const eitherBody = (body: unknown) => ({
  content: {
    'application/json': { schema: body },
    'multipart/form-data': {
      schema: {
        type: 'object',
        required: ['spec'],
        properties: {
          spec: body,
          archive: { type: 'string', format: 'binary', description: 'tar, tar.gz, tar.zst or zip' },
        },
      },
    },
  },
})

/** Those that say when the same may succeed. */
const comesBack: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'shutting_down',
  'quota_exceeded',
  'too_many_failures',
])
const retryAfter = { 'Retry-After': { type: 'integer', description: 'seconds after which it may succeed' } }

/** The error answers, one for each status, each with the codes that it can carry. */
function problems(codes: ReadonlySet<ErrorCode>): Record<string, object> {
  const byStatus = Object.groupBy([...codes].sort(), (code) => String(errorTable[code].status))
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, some = []]) => [
      status,
      {
        description: some.map((code) => `${code}: ${errorTable[code].title}`).join('. '),
        ...(some.some((code) => comesBack.has(code)) && { headers: retryAfter }),
        content: {
          [problemMediaType]: {
            schema: {
              allOf: [{ $ref: 'Problem#' }, { type: 'object', properties: { code: { type: 'string', enum: some } } }],
            },
          },
        },
      },
    ]),
  )
}

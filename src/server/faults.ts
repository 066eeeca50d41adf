/** Every error leaves as problem+json: ours as they are, Fastify's by their code, the rest as `internal` and into the log. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import { problemMediaType, problemOf } from '../api/problem.ts'
import { isNavigation } from './browser.ts'
import { codesOf } from './openapi.ts'
import { readOn } from './wire.ts'

export function answerFaults(app: FastifyInstance, log: (error: unknown) => void): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    const fault = isCutShort(request) ? cutShort(error) : faultOf(error, request)
    if (fault.status === 500) log(error)
    else if (!isCutShort(request) && !isDocumented(fault, request)) {
      log(new Error(`${request.method} ${request.routeOptions.url} gives ${fault.code}, which its description lacks`))
    }
    return sendProblem(reply, fault)
  })
  app.setNotFoundHandler((request, reply) => {
    if (reply.sendPage && isNavigation(request)) return reply.sendPage()
    throw missing(request)
  })
}

/** Answers a URL that no route was looked up for. A parameter longer than any name of ours names nothing. */
export function answerBadUrl(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const fault =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? missing(request)
      : new VulcanError('invalid_request', error.message, { cause: error })
  void sendProblem(reply, fault)
}

export const missing = ({ method, url }: FastifyRequest): VulcanError =>
  new VulcanError('not_found', `there is no ${method} ${url.split('?')[0]}`)

function sendProblem(reply: FastifyReply, fault: VulcanError): FastifyReply {
  reply.request.faultCode = fault.code
  readOn(reply.request, reply)
  const problem = problemOf(fault)
  const isForNow = problem.status === 429 || problem.status === 503
  // Where it takes an operator, there is no hurry.
  const again = fault.retryAfterS ?? (isForNow ? (problem.retry ? 1 : 30) : undefined)
  if (again !== undefined) void reply.header('retry-after', String(again))
  return reply.status(problem.status).type(problemMediaType).serializer(JSON.stringify).send(problem)
}

/** Nobody is there to be answered, and nothing of ours went wrong. */
const isCutShort = ({ raw }: FastifyRequest): boolean => raw.destroyed && !raw.complete
const cutShort = (cause: unknown): VulcanError =>
  new VulcanError('invalid_request', 'the client went away before its request was complete', { cause })

/** Unknown paths are no route and have no description. */
function isDocumented(fault: VulcanError, { routeOptions }: FastifyRequest): boolean {
  const { url, method, config } = routeOptions
  return url === undefined || codesOf({ url, method: [method].flat()[0] ?? 'GET', config }).has(fault.code)
}

function faultOf(error: unknown, request: FastifyRequest): VulcanError {
  if (error instanceof VulcanError) return error
  const { code = '', message = String(error), statusCode = 500 } = error as Partial<FastifyError>
  if (statusCode === 413) return tooLarge(request, error)
  if (statusCode === 415) return foreignMedia(request, error)
  if (code.startsWith('FST_ERR_CTP') || (statusCode >= 400 && statusCode < 500)) {
    return new VulcanError('invalid_request', message, { cause: error })
  }
  // What went wrong inside is for the log, not for the caller.
  return new VulcanError('internal', 'the server failed; its log says more', { cause: error })
}

function tooLarge({ headers, routeOptions }: FastifyRequest, cause: unknown): VulcanError {
  const { config, bodyLimit } = routeOptions
  const length = headers['content-length']
  const came = length === undefined ? `more than ${bodyLimit} bytes` : `${length} bytes`
  const words = `the body has ${came}; at most ${bodyLimit} are taken (limits.body_mb)`
  const hint = config.multipart && 'archives go as multipart/form-data, in a part of their own'
  return new VulcanError('body_too_large', words, { cause, ...(hint && { hint }) })
}

/** A body of a media type that its route does not take. */
export function foreignMedia({ method, headers, routeOptions }: FastifyRequest, cause?: unknown): VulcanError {
  const { config, schema, url = '' } = routeOptions
  const type = headers['content-type']
  const came = type === undefined ? 'without a content-type' : `as ${JSON.stringify(type)}`
  const json = schema?.body ? 'application/json' : 'no body'
  const words = `the body came ${came}; ${method} ${url} takes ${config.multipart ? `${json} or multipart/form-data` : json}`
  return new VulcanError('unsupported_media_type', words, { cause })
}

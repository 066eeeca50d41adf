/** States each call that changes something, once, whoever made it and whatever became of it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../api/errors.ts'
import type { Facts } from '../base/facts.ts'
import type { Call, ServerFacts } from './facts.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The error that it was answered with. */
    faultCode: ErrorCode | null
    /** The workload or key that it made or is about. */
    subject: string | null
    /** True when its call was stated already. */
    isStated: boolean
  }
}

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Adds the hook; before that of the keys, so that refused calls are stated too. */
export function stateCalls(app: FastifyInstance, facts: Facts<ServerFacts>): void {
  app.decorateRequest('faultCode', null)
  app.decorateRequest('subject', null)
  app.decorateRequest('isStated', false)
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id)
    if (!reading.has(request.method)) {
      // Not onResponse: of a client that went away there is none.
      reply.raw.once('close', () => stateCall(facts, request, reply.raw.headersSent ? reply.statusCode : undefined))
    }
    done()
  })
}

/**
 * States a call now, and not again at its end. A flood of requests without a key would drive everything else out of a log
 * of bounded size: those that are made to wait are counted (`access.refused`) and not stated.
 */
export function stateCall(facts: Facts<ServerFacts>, request: FastifyRequest, status: number | undefined): void {
  if (request.isStated || request.faultCode === 'too_many_failures') return
  request.isStated = true
  facts.emit('call.made', callOf(request, status))
}

function callOf(request: FastifyRequest, status: number | undefined): Call {
  const { caller, faultCode, method, routeOptions } = request
  const { id } = (request.params ?? {}) as { id?: string }
  const subject = request.subject ?? id
  return {
    at: Date.now(),
    request: request.id,
    ...(caller && { key: { id: caller.id, name: caller.name } }),
    address: request.ip,
    method,
    route: routeOptions.url ?? 'unmatched',
    ...(subject !== undefined && { subject }),
    ...(status !== undefined && { status }),
    ...(faultCode && { code: faultCode }),
  }
}

/** The idempotency key of a request, which may come as a header too. */
import type { FastifyRequest } from 'fastify'
import { InvalidBody } from '../api/problem.ts'
import type { WorkloadRequest } from '../api/workload.ts'

/** The one in the header. */
export function keyInHeader({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const header = headers['idempotency-key']
  // Node reads headers byte by byte; people write them in UTF-8, as they do the body.
  return typeof header === 'string' ? Buffer.from(header, 'latin1').toString() : undefined
}

/** The body with the key of the header; one that names another key is a contradiction. */
export function withKey(request: FastifyRequest<{ Body: WorkloadRequest }>): WorkloadRequest {
  const workload = request.body
  const key = keyInHeader(request)
  if (key === undefined) return workload
  if (workload.idempotency_key !== undefined && workload.idempotency_key !== key) {
    throw new InvalidBody([{ path: '/idempotency_key', message: 'differs from the Idempotency-Key header' }])
  }
  return { ...workload, idempotency_key: key }
}

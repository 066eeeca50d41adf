/** Known paths with methods that they do not take: 405 and the list of those they do, before any body is read. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { VulcanError } from '../api/errors.ts'

/** Call before the routes are added; the result, called after them, adds the refusals. */
export function methodsOf(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    taken.set(url, (taken.get(url) ?? new Set()).union(new Set([method].flat())))
  })
  return () => {
    for (const [url, methods] of [...taken]) refuseOthers(app, url, methods)
  }
}

function refuseOthers(app: FastifyInstance, url: string, methods: ReadonlySet<string>): void {
  const allow = [...methods].sort().join(', ')
  app.route({
    method: app.supportedMethods.filter((method) => !methods.has(method)),
    url,
    schema: { hide: true },
    config: { scope: 'any', codes: ['method_not_allowed'] },
    onRequest: (request, reply, done) => {
      void reply.header('allow', allow)
      done(new VulcanError('method_not_allowed', `${url} does not take ${request.method}; it takes ${allow}`))
    },
    handler: () => undefined,
  })
}

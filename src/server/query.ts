/** Parameters and query strings: nothing unknown is taken, and numbers are numbers although they arrive as text. */
import type { FastifyInstance } from 'fastify'
import { Type, type TProperties } from 'typebox'

export const Query = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })

export const NoQuery = Query({})

export const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64, description: 'of the workload' }) })

interface Declared {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>
}

/** Turns what a route declares as a number into one. Bodies are left alone: JSON has numbers of its own. */
export function readNumbers(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    const { properties = {} } = (request.routeOptions.schema?.querystring ?? {}) as Declared
    const query = request.query as Record<string, unknown>
    for (const [name, { type }] of Object.entries(properties)) {
      const raw = query[name]
      // What is no number stays text, and the schema refuses it.
      if ((type === 'number' || type === 'integer') && typeof raw === 'string' && /^\d+(\.\d+)?$/.test(raw)) {
        query[name] = Number(raw)
      }
    }
    done()
  })
}

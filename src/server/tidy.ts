/** The document of the API made readable: answers and problems that repeat become components with names. Pure but for its argument. */

interface Answer {
  content?: Record<string, { schema: { allOf?: [unknown, { properties: { code: { enum: string[] } } }] } }>
}

interface Document {
  paths?: Record<string, Record<string, { operationId?: string; responses?: Record<string, unknown> }>>
  components?: { schemas?: Record<string, object>; responses?: Record<string, unknown> }
}

/** Changes the document in place, and gives it back. */
export function tidy<T extends object>(made: T): T {
  const document = made as Document
  const schemas = { ...document.components?.schemas }
  // Names of components are their keys; an `$id` beside would make references relative to it.
  for (const schema of Object.values(schemas)) Reflect.deleteProperty(schema, '$id')
  const answers: Record<string, unknown> = {}
  const names = new Map<string, string>()
  for (const operation of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    for (const [status, answer] of Object.entries(operation.responses ?? {})) {
      const media = Object.values((answer as Answer).content ?? {})[0]
      const codes = media?.schema.allOf?.[1].properties.code.enum
      if (!media || !codes) continue
      const name = names.get(codes.join()) ?? nameOf(codes, `${operation.operationId}_${status}`)
      names.set(codes.join(), name)
      schemas[`${pascal(name)}Problem`] ??= media.schema
      media.schema = { $ref: `#/components/schemas/${pascal(name)}Problem` } as object
      answers[name] ??= answer
      operation.responses = { ...operation.responses, [status]: { $ref: `#/components/responses/${name}` } }
    }
  }
  document.components = { ...document.components, schemas, responses: answers }
  return made
}

/** Two codes can still be said in one breath; more are named by the first route that gives them. */
const nameOf = (codes: readonly string[], otherwise: string): string =>
  codes.length <= 2 ? codes.join('_or_') : otherwise

const pascal = (name: string): string => name.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())

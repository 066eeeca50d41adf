/**
 * From the document of the API to the TypeScript that the client calls it with: types, and a table of operations. Pure.
 *
 * Of our own because the usual generator gives 3,500 lines, most of them a runtime that does not pass our type check, needs a
 * second TypeScript to run, has no function for multipart, and takes event streams up again without looking at their ids.
 */
import { createHash } from 'node:crypto'
import { commentOf, declarationOf, typeOf, type Schema } from './types.ts'

interface Answer {
  readonly $ref?: string
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly {
    readonly in: 'path' | 'query' | 'header'
    readonly name: string
    readonly required?: boolean
    readonly description?: string
    readonly schema: Schema
  }[]
  readonly requestBody?: Answer
  readonly responses: Readonly<Record<string, Answer>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Answer>>
  }
}

/** The text of the generated file for the text of a document. */
export function clientOf(text: string): string {
  const document = JSON.parse(text) as Document
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  const types = operations.map(({ operation }) => signatureOf(operation, document))
  const rows = operations.map(({ path, method, operation }) => {
    const parts = [`method: '${method}'`, `path: '${path}'`, `answer: '${isJson(operation) ? 'json' : 'stream'}'`]
    return `  ${operation.operationId}: { ${parts.join(', ')} },\n`
  })
  return [
    '/** Made by `npm run generate` from openapi.json beside it: what is changed here is lost. */\n',
    '/** Of the document that this was made from. */',
    `export const documentSha256 = '${createHash('sha256').update(text).digest('hex')}'\n`,
    // A problem with a narrower code is told by the codes of its operation.
    ...Object.entries(document.components.schemas)
      .filter(([, schema]) => !schema.allOf)
      .map(([name, schema]) => declarationOf(name, schema)),
    `/** Every operation: what it takes, what it gives, and the codes of its errors. */\nexport interface Operations {\n${types.join('')}}\n`,
    `/** Where each operation is. */\nexport const operations = {\n${rows.join('')}} as const\n`,
  ].join('\n')
}

function signatureOf(operation: Operation, document: Document): string {
  const answers = Object.entries(operation.responses)
  const good = answers.filter(([status]) => status.startsWith('2')).flatMap(([, answer]) => jsonTypes(answer))
  const codes = answers.flatMap(([, answer]) => codesOf(answer, document)).sort()
  return [
    `${commentOf(operation.summary, '  ')}  ${operation.operationId}: {\n`,
    `    input: ${inputOf(operation)}\n`,
    `    answer: ${isJson(operation) ? [...new Set(good)].join(' | ') : 'ReadableStream<Uint8Array<ArrayBuffer>>'}\n`,
    `    code: ${codes.map((code) => `'${code}'`).join(' | ')}\n  }\n`,
  ].join('')
}

const jsonTypes = ({ content }: Answer): string[] => {
  const schema = content?.['application/json']?.schema
  return schema ? [typeOf(schema, '    ')] : []
}

const isJson = ({ responses }: Operation): boolean =>
  Object.entries(responses).every(([status, { content }]) => !status.startsWith('2') || content?.['application/json'])

function inputOf({ parameters = [], requestBody }: Operation): string {
  const kinds = { path: 'path', query: 'query', headers: 'header' } as const
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const [name, kind] of Object.entries(kinds)) {
    const some = parameters.filter((parameter) => parameter.in === kind)
    if (some.length === 0) continue
    const needed = some.filter((parameter) => parameter.required).map((parameter) => parameter.name)
    if (needed.length > 0) required.push(name)
    const fields = some.map(({ name, schema, description }) => [
      name,
      { ...schema, ...(description && { description }) },
    ])
    properties[name] = {
      type: 'object',
      required: needed,
      properties: Object.fromEntries(fields) as Record<string, Schema>,
    }
  }
  const body = requestBody?.content?.['application/json']?.schema
  if (body) {
    properties['body'] = body
    required.push('body')
  }
  const { spec: _, ...files } = requestBody?.content?.['multipart/form-data']?.schema.properties ?? {}
  if (Object.keys(files).length > 0) {
    const description = 'sent as multipart, beside the body as the part spec'
    properties['files'] = { type: 'object', properties: files, description }
  }
  return typeOf({ type: 'object', properties, required }, '    ').replace(/^\{\n +\}$/, 'Record<never, never>')
}

function codesOf(answer: Answer, document: Document): string[] {
  const { responses, schemas } = document.components
  const { content } = resolved(answer, responses)
  const schema = content?.['application/problem+json']?.schema
  return ((schema && resolved(schema, schemas).allOf?.[1]?.properties?.['code']?.enum) ?? []) as string[]
}

/** What a reference means, or the thing itself. */
function resolved<T extends { readonly $ref?: string }>(thing: T, components: Readonly<Record<string, T>>): T {
  return thing.$ref === undefined ? thing : (components[thing.$ref.split('/').at(-1) ?? ''] ?? thing)
}

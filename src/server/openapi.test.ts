import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCodes, errorTable, type ErrorCode } from '../api/errors.ts'
import { openPaths, routes } from '../api/routes.ts'
import { authorization, testKey, testServer, type TestServer } from './testing.ts'

interface Answer {
  readonly $ref?: string
  readonly description: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}
interface Schema {
  readonly $ref?: string
  readonly enum?: readonly string[]
  readonly allOf?: readonly [
    Schema,
    { readonly properties: { readonly code: { readonly enum: readonly ErrorCode[] } } },
  ]
}
interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly security?: readonly unknown[]
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  readonly requestBody?: Answer
  readonly responses: Readonly<Record<string, Answer>>
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Answer>>
  }
}

let server: TestServer
let document: Document
beforeAll(async () => {
  server = await testServer()
  document = (await server.app.inject({ url: routes.openapi, headers: authorization })).json()
})
afterAll(() => server[Symbol.asyncDispose]())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
const meant = <T extends { readonly $ref?: string }>(thing: T, components: Readonly<Record<string, T>>): T =>
  thing.$ref ? (components[thing.$ref.split('/').at(-1) ?? ''] as T) : thing
const answerOf = (answer: Answer): Answer => meant(answer, document.components.responses)
const codesOf = ({ content = {} }: Answer): readonly ErrorCode[] => {
  const schema = meant(content['application/problem+json']?.schema ?? {}, document.components.schemas)
  return schema.allOf?.[1].properties.code.enum ?? []
}

test('the document is OpenAPI 3.1 to an independent validator', async () => {
  const judged = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)
  expect(judged.errors ?? []).toEqual([])
  expect(judged.valid).toBe(true)
  expect(document.openapi).toMatch(/^3\.1\./)
})

test('every route of the table is described', () => {
  const paths = Object.values(routes).map((route) => route.replaceAll(/:(\w+)/g, '{$1}'))
  expect(Object.keys(document.paths).sort()).toEqual([...new Set(paths)].sort())
})

test('every operation has a name of its own, a summary, a known tag, and says whether it needs a key', () => {
  const ids = operations().map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { path, operation } of operations()) {
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/)
    expect(operation.summary).toMatch(/^[A-Z]/)
    expect(['workloads', 'keys', 'state']).toContain(operation.tags[0])
    expect(operation.security, path).toEqual(openPaths.has(path) ? [] : undefined)
  }
})

test('what goes in and comes out has a name', () => {
  for (const name of ['WorkloadRequest', 'WorkloadRecord', 'WorkloadPage', 'Problem', 'ErrorCode', 'Stats']) {
    expect(Object.keys(document.components.schemas)).toContain(name)
  }
  const body = document.paths[routes.workloads]?.['post']?.requestBody?.content ?? {}
  expect(Object.keys(body)).toEqual(['application/json', 'multipart/form-data'])
  expect(body['application/json']?.schema).toEqual({ $ref: '#/components/schemas/WorkloadRequest' })
  const text = JSON.stringify(document)
  expect(text).not.toContain('def-')
  const refs = [...text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)]
  const known: Readonly<Record<string, object>> = document.components
  expect(refs.filter(([, kind = '', name = '']) => !Object.hasOwn(known[kind] ?? {}, name))).toEqual([])
})

test('streams and bytes have their media types', () => {
  const media = (path: string) => Object.keys(document.paths[path]?.['get']?.responses['200']?.content ?? {})
  expect(media('/v1/workloads/{id}/logs')).toEqual(['text/event-stream'])
  expect(media('/v1/workloads/{id}/output/{stream}')).toEqual(['application/octet-stream'])
})

describe('errors', () => {
  test('the codes are those of the table', () => {
    expect(document.components.schemas['ErrorCode']?.enum).toEqual(errorCodes)
  })

  test('each stands at its status, as problem+json', () => {
    for (const { path, operation } of operations()) {
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue
        const content = answerOf(answer).content ?? {}
        expect(Object.keys(content), path).toEqual(['application/problem+json'])
        const codes = codesOf(answerOf(answer))
        expect(codes.length, `${path} ${status}`).toBeGreaterThan(0)
        for (const code of codes) expect(errorTable[code].status, `${path} ${code}`).toBe(Number(status))
      }
    }
  })

  test('every route may be refused for its Host, its query, and a server that goes away, with Retry-After', () => {
    for (const { path, operation } of operations()) {
      expect(Object.keys(operation.responses), path).toEqual(expect.arrayContaining(['403', '422', '500', '503']))
      expect(Object.keys(answerOf(operation.responses['503'] as Answer).headers ?? {}), path).toEqual(['Retry-After'])
      expect(operation.responses['401'] === undefined, path).toBe(openPaths.has(path))
    }
  })
})

describe('the page', () => {
  const get = (url: string, headers: Record<string, string> = authorization) => server.app.inject({ url, headers })

  test('needs a key, like everything', async () => {
    expect((await get('/docs', { host: 'localhost' })).statusCode).toBe(401)
    expect((await get('/docs/swagger-ui.css', { host: 'localhost' })).statusCode).toBe(401)
  })

  test('a browser that asks for the key may send it by Basic here, and nowhere else', async () => {
    const basic = (key: string) => ({
      host: 'localhost',
      authorization: `Basic ${Buffer.from(`key:${key}`).toString('base64')}`,
    })
    expect((await get('/docs', { host: 'localhost' })).headers['www-authenticate']).toMatch(/^Basic realm=/)
    expect((await get('/docs', basic(testKey))).statusCode).toBe(200)
    expect((await get('/docs', basic('vk_wrong'))).statusCode).toBe(401)
    expect((await get('/docs', { host: 'localhost', authorization: 'Basic %%%' })).statusCode).toBe(401)
    expect((await get('/v1/workloads', basic(testKey))).headers['www-authenticate']).toBe('Bearer')
    expect((await get('/docsx', basic(testKey))).statusCode).toBe(401)
  })

  test('comes with all that it loads, and loads nothing from elsewhere', async () => {
    const page = await get('/docs')
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    const loaded = [...page.body.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, url]) => url as string)
    expect(loaded).toEqual(['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js'])
    for (const url of loaded) expect((await get(url)).statusCode, url).toBe(200)
    expect((await get('/docs/start.js')).body).toContain('"operationId":"runWorkload"')
    expect((await get('/docs/package.json')).json()).toMatchObject({ status: 404, code: 'not_found' })
    expect((await get('/docs/..%2fpackage.json')).json()).toMatchObject({ status: 404, code: 'not_found' })
  })
})

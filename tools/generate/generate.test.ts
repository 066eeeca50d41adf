import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, expectTypeOf, test } from 'vitest'
import type { ErrorCode } from '../../src/api/errors.ts'
import { documentSha256, operations } from '../../src/api/generated/operations.ts'
import type * as generated from '../../src/api/generated/operations.ts'
import type { Problem } from '../../src/api/problem.ts'
import type { Stats } from '../../src/api/state.ts'
import type { WorkloadPage, WorkloadRecord, WorkloadRequest } from '../../src/api/workload.ts'
import { clientOf } from './client.ts'
import { currentDocument, places } from './document.ts'
import { declarationOf, typeOf } from './types.ts'

const kept = (path: string) => readFileSync(path, 'utf8')
const mend = 'it is stale: npm run generate'

test('the kept document is what the server emits', async () => {
  expect(kept(places.document) === (await currentDocument()), mend).toBe(true)
})

test('the kept client was made from the kept document, and nobody changed it', () => {
  const text = kept(places.document)
  expect(documentSha256, mend).toBe(createHash('sha256').update(text).digest('hex'))
  expect(kept(places.client) === clientOf(text), mend).toBe(true)
})

test('a changed route makes it stale', () => {
  const text = kept(places.document)
  expect(clientOf(text.replace('"wait_s"', '"wait_ms"'))).not.toBe(clientOf(text))
})

test('every operation has its row', () => {
  const { paths } = JSON.parse(kept(places.document)) as { paths: Record<string, object> }
  expect(Object.keys(operations).length).toBe(Object.values(paths).flatMap((path) => Object.keys(path)).length)
  expect(operations.readOutput).toEqual({
    method: 'GET',
    path: '/v1/workloads/{id}/output/{stream}',
    answer: 'stream',
  })
})

test('the generated types are those of the schemas', () => {
  expectTypeOf<generated.WorkloadRequest>().toEqualTypeOf<WorkloadRequest>()
  expectTypeOf<generated.WorkloadRecord>().toEqualTypeOf<WorkloadRecord>()
  expectTypeOf<generated.WorkloadPage>().toEqualTypeOf<WorkloadPage>()
  expectTypeOf<generated.Stats>().toEqualTypeOf<Stats>()
  expectTypeOf<generated.Problem>().toEqualTypeOf<Problem>()
  expectTypeOf<generated.ErrorCode>().toEqualTypeOf<ErrorCode>()
})

test.each([
  [{ enum: ['a', 'b'] }, "'a' | 'b'"],
  [{ type: 'array', items: { enum: ['a', 'b'] } }, "('a' | 'b')[]"],
  [{ type: 'object', additionalProperties: { type: 'integer' } }, 'Record<string, number>'],
  [{ anyOf: [{ $ref: '#/components/schemas/A' }, { type: 'boolean' }] }, 'A | boolean'],
  [{ type: 'string', format: 'binary' }, 'Blob'],
  [{ description: 'anything' }, 'unknown'],
])('%j is %s', (schema, type) => {
  expect(typeOf(schema, '')).toBe(type)
})

test('an object is an interface with what is said of it; a type that is none is an error', () => {
  const properties = { id: { type: 'string', description: 'its name' }, 'x-y': { type: 'number' } }
  expect(declarationOf('Thing', { type: 'object', required: ['id'], properties })).toBe(
    "export interface Thing {\n  /** its name */\n  id: string\n  'x-y'?: number\n}\n",
  )
  expect(() => typeOf({ type: 'null' }, '')).toThrow('null')
})

/** RFC 9457 problem details: how every error crosses the wire, and back. */
import { Type, type Static } from 'typebox'
import { errorCodes, errorTable, VulcanError, type ErrorCode } from './errors.ts'
import { ref } from './ref.ts'

export const problemMediaType = 'application/problem+json'

export const Code = Type.Enum([...errorCodes], {
  $id: 'ErrorCode',
  type: 'string',
  description: 'from the table of errors',
})

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:vulcan:error: and the code' }),
    title: Type.String({ description: 'one sentence, the same for each code' }),
    status: Type.Integer({ description: 'HTTP status' }),
    code: ref(Code),
    detail: Type.String({ description: 'what happened this time' }),
    retry: Type.Boolean({ description: 'whether the same request may succeed later' }),
    step: Type.Optional(Type.String({ description: 'the step that failed' })),
    hint: Type.Optional(Type.String({ description: 'what can be done about it' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String({ description: 'JSON pointer of the field at fault' }),
          message: Type.String(),
        }),
        { description: 'each fault of the body' },
      ),
    ),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details' },
)
export type Problem = Static<typeof Problem>

export interface FieldFault {
  readonly path: string
  readonly message: string
}

/** Several faults of one body; the first names the field of the error itself. */
export class InvalidBody extends VulcanError {
  readonly faults: readonly FieldFault[]

  constructor(faults: readonly FieldFault[]) {
    const words = faults.map((fault) => `${fault.path || '/'} ${fault.message}`).join('; ')
    super('invalid_field', words, { field: faults[0]?.path })
    this.name = 'InvalidBody'
    this.faults = faults
  }
}

/** The problem a VulcanError is on the wire. Causes stay behind: they may hold what callers must not see. */
export function problemOf(error: VulcanError): Problem {
  const row = errorTable[error.code]
  const problem: Problem = {
    type: `urn:vulcan:error:${error.code}`,
    title: row.title,
    status: row.status,
    code: error.code,
    detail: error.message,
    retry: row.retry,
  }
  if (error.step) problem.step = error.step
  if (error.hint) problem.hint = error.hint
  if (error instanceof InvalidBody) problem.errors = [...error.faults]
  else if (error.field) problem.errors = [{ path: error.field, message: error.message }]
  return problem
}

/** The VulcanError a problem stands for; unknown codes become `internal`. */
export function errorOf(problem: Partial<Problem>, status: number): VulcanError {
  const known = problem.code !== undefined && Object.hasOwn(errorTable, problem.code)
  const code: ErrorCode = known ? (problem.code as ErrorCode) : 'internal'
  const message = problem.detail ?? `the server answered ${status} without saying why`
  return new VulcanError(code, message, { step: problem.step, hint: problem.hint, field: problem.errors?.[0]?.path })
}

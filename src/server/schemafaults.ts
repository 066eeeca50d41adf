/** What the validator says of a request, in words and with the path of each field. Pure. */
import type { FastifySchemaValidationError } from 'fastify'
import { InvalidBody, type FieldFault } from '../api/problem.ts'

/** What a text is not that does not match a pattern of our schemas: nobody should have to read the pattern. */
export const unlike: Readonly<Record<string, string>> = {
  '\\S': 'is empty',
  '^[^\\u0000]*$': 'holds a NUL character',
  '^[^=]+=': 'is not name=value',
  '^[0-9]{1,15}$': 'is not the id of an event',
  '^[0-9]{1,16}$': 'is not the id of an event',
  '^[A-Za-z0-9_-]{16,128}$': 'is not 16 to 128 letters, digits, - and _',
  '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$': 'is not the next_cursor of a page',
}

/** Objects whose fields have names of the caller's choice, and what is wrong with one that is refused. */
const free: Readonly<Record<string, string>> = {
  '/labels': 'is a label whose name is empty or holds =',
}

/** Schema errors as faults with the path of each field. `part`: body, querystring, params or headers. */
export function schemaFaults(errors: readonly FastifySchemaValidationError[], part: string): InvalidBody {
  return new InvalidBody(meant(errors).map((error) => faultIn(error, part === 'body' ? '' : `/${part}`)))
}

/** Of a field that may be of several types: what is wrong with it as of its own, or with its type where it is of none. */
function meant(errors: readonly FastifySchemaValidationError[]): readonly FastifySchemaValidationError[] {
  let left = errors
  for (const union of errors.filter(({ keyword }) => keyword === 'anyOf')) {
    const at = left.filter(({ instancePath, keyword }) => instancePath === union.instancePath && keyword !== 'anyOf')
    const types = at.filter(({ keyword }) => keyword === 'type')
    const foreign = new Set(types.map(schemaOf))
    const own = at.filter((error) => !foreign.has(schemaOf(error)))
    const below = left.some(({ instancePath }) => instancePath.startsWith(`${union.instancePath}/`))
    const told =
      own.length > 0 || below ? own : [{ ...union, params: { types: types.map(({ params }) => params['type']) } }]
    left = [...left.filter((error) => error !== union && !at.includes(error)), ...told]
  }
  return left
}

/** Which schema an error is of: the path of its keyword without the keyword. */
const schemaOf = ({ schemaPath }: FastifySchemaValidationError): string =>
  schemaPath.slice(0, schemaPath.lastIndexOf('/'))

function faultIn(
  { keyword, instancePath, params, message = 'does not fit' }: FastifySchemaValidationError,
  prefix: string,
): FieldFault {
  const path = prefix + instancePath
  const child = (name: unknown) => `${path}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  switch (keyword) {
    case 'additionalProperties':
      return { path: child(params['additionalProperty']), message: free[path] ?? 'is not a known field' }
    case 'required':
      return { path: child(params['missingProperty']), message: 'is missing' }
    case 'enum':
      return { path, message: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}` }
    case 'anyOf':
      return { path, message: `must be ${(params['types'] as unknown[]).join(' or ')}` }
    case 'pattern':
      return { path, message: unlike[String(params['pattern'])] ?? message }
    default:
      return { path, message }
  }
}

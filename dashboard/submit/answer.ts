/** What the server said of a request, each fault at its field. Pure. */
import { fieldOf, type Faults, type Field } from './form.ts'
import { Refused } from './upload.ts'

export interface Answer {
  readonly faults: Faults
  /** For above the button. */
  readonly trouble: string | undefined
}

export const nothing: Answer = { faults: {}, trouble: undefined }

export const without = (faults: Faults, fields: readonly Field[]): Faults =>
  Object.fromEntries(Object.entries(faults).filter(([name]) => !fields.includes(name as Field)))

/** Several faults of one field stand there one behind another; what has no field is in the trouble, which tells all. */
export function answerOf(error: unknown): Answer {
  if (!(error instanceof Refused))
    return { faults: {}, trouble: error instanceof Error ? error.message : String(error) }
  const { problem, message: trouble } = error
  const ofCode = fieldOfCode[problem.code ?? '']
  const faults: Partial<Record<Field, string>> = {}
  for (const { path, message } of problem.errors ?? [{ path: '', message: trouble }]) {
    const field = fieldOf(path) ?? ofCode
    if (field !== undefined) faults[field] = [faults[field], message].filter(Boolean).join('; ')
  }
  return { faults, trouble: [trouble, problem.hint].filter(Boolean).join(' — ') }
}

/** Errors that are of one field, whether they name it or not. */
const fieldOfCode: Readonly<Record<string, Field>> = {
  entrypoint_missing: 'entrypoint',
  entrypoint_ambiguous: 'entrypoint',
  archive_corrupt: 'files',
  archive_unsafe: 'files',
  archive_too_large: 'files',
  backend_missing: 'isolation',
}

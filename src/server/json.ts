/** What came as JSON, as a value. */
import { VulcanError } from '../api/errors.ts'

/**
 * Any JSON may be somebody's input: as own properties __proto__ and constructor do no harm. Throws invalid_request with the place
 * at which it is none; `what` names the text.
 */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new VulcanError('invalid_request', `the ${what} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

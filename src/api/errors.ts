/** The one table of errors: what crosses the wire, what the command line exits with, what the documents list. */

export type Fault = 'caller' | 'operator' | 'vulcan'

interface Row {
  /** HTTP status. */
  readonly status: number
  readonly fault: Fault
  /** True when the same request may succeed later. */
  readonly retry: boolean
  /** One sentence for documents and `title`. */
  readonly title: string
}

// A row of a table reads best in one line.
// oxlint-disable-next-line max-params
const row = (status: number, fault: Fault, retry: boolean, title: string): Row => ({ status, fault, retry, title })

export const errorTable = {
  invalid_request: row(400, 'caller', false, 'The request is not well-formed'),
  invalid_field: row(422, 'caller', false, 'A field of the request is missing, unknown or out of bounds'),
  unauthorized: row(401, 'caller', false, 'The request carries no valid key'),
  forbidden: row(403, 'caller', false, 'The key lacks the scope that this needs'),
  forbidden_origin: row(403, 'caller', false, 'The Host or Origin header is not one this server answers to'),
  not_found: row(404, 'caller', false, 'There is no such thing'),
  method_not_allowed: row(
    405,
    'caller',
    false,
    'The path does not take this method; the Allow header lists those it takes',
  ),
  request_timeout: row(408, 'caller', true, 'The request did not arrive in time'),
  already_ended: row(409, 'caller', false, 'The workload has ended already'),
  idempotency_conflict: row(409, 'caller', false, 'The idempotency key was used with another body'),
  body_too_large: row(413, 'caller', false, 'The request body is larger than the limit'),
  unsupported_media_type: row(415, 'caller', false, 'The body is of a media type that the route does not take'),
  quota_exceeded: row(429, 'caller', true, 'A quota of the key is used up; the Retry-After header says for how long'),
  too_many_failures: row(429, 'caller', true, 'Too many requests without a valid key came from this address'),
  headers_too_large: row(431, 'caller', false, 'The headers of the request are larger than the limit'),
  backend_missing: row(422, 'caller', false, 'No backend offers this isolation mode'),
  entrypoint_missing: row(422, 'caller', false, 'No entry point was found in the archive'),
  entrypoint_ambiguous: row(422, 'caller', false, 'More than one entry point was found in the archive'),
  archive_corrupt: row(422, 'caller', false, 'The archive cannot be read'),
  archive_unsafe: row(422, 'caller', false, 'The archive holds an entry that is refused'),
  archive_too_large: row(413, 'caller', false, 'The archive is larger than the limit'),
  overloaded: row(503, 'vulcan', true, 'Too much is running; try again later'),
  shutting_down: row(503, 'vulcan', true, 'The server is shutting down'),
  host_unfit: row(503, 'operator', false, 'This host lacks something that a microVM needs'),
  asset_unavailable: row(503, 'operator', true, 'A pinned download could not be had from any of its sources'),
  asset_corrupt: row(503, 'operator', true, 'A download is not what its pinned checksum says'),
  asset_refused: row(503, 'operator', false, 'A given file is of a version that Vulcan does not run'),
  image_build_failed: row(503, 'operator', true, 'A root file system could not be built'),
  machine_failed: row(503, 'operator', true, 'The host machine could not be started or does not answer'),
  server_unreachable: row(503, 'operator', true, 'The server does not answer'),
  workload_lost: row(500, 'vulcan', true, 'The workload was lost together with the server that ran it'),
  vm_start_failed: row(500, 'vulcan', true, 'A microVM could not be started'),
  network_failed: row(500, 'vulcan', true, 'The network of a microVM could not be set up'),
  guest_failed: row(500, 'vulcan', true, 'The agent in the guest refused or failed a step'),
  store_failed: row(500, 'operator', true, 'What must be kept could not be written or read'),
  internal: row(500, 'vulcan', false, 'Vulcan failed in a way it has no name for'),
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof errorTable

export const errorCodes = Object.keys(errorTable) as ErrorCode[]

export interface ErrorDetails {
  /** The step at which it failed, such as `jailer` or `configure`. */
  readonly step?: string | undefined
  /** The path of the field at fault in a request, such as `/resources/cpus`. */
  readonly field?: string | undefined
  /** What the reader can do about it. */
  readonly hint?: string | undefined
  /** Seconds after which the same request may succeed, where that is known. */
  readonly retryAfterS?: number | undefined
  readonly cause?: unknown
}

/** Vulcan's one error class. The message says what was done, to what, at which step, and why it failed. */
export class VulcanError extends Error {
  readonly code: ErrorCode
  readonly step: string | undefined
  readonly field: string | undefined
  readonly hint: string | undefined
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.name = 'VulcanError'
    this.code = code
    this.step = details.step
    this.field = details.field
    this.hint = details.hint
    this.retryAfterS = details.retryAfterS
  }

  get status(): number {
    return errorTable[this.code].status
  }
}

/** One call of one operation by fetch: address, key, body, and errors as VulcanError. Runs in Node and in a browser. */
import { VulcanError } from './errors.ts'
import { operations, type Operations } from './generated/operations.ts'
import { errorOf, problemMediaType, type Problem } from './problem.ts'
import { openPaths } from './routes.ts'

/** What is used of an answer. */
export interface Answer extends Pick<Response, 'ok' | 'status' | 'body' | 'text'> {
  readonly headers: { get(name: string): string | null }
}

/** What is used of fetch. */
export type Fetch = (
  url: URL,
  init: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string | FormData
    readonly signal?: AbortSignal
  },
) => Promise<Answer>

export interface Connection {
  /** Such as `http://127.0.0.1:7777`; asked for anew for each request where it can change. */
  readonly url: string | (() => Promise<string>)
  readonly key?: string | undefined
  /** The platform's own unless given. */
  readonly fetch?: Fetch
}

type Name = keyof Operations

interface Input {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly files?: Readonly<Record<string, Blob>>
}

export class Transport {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Calls an operation and gives back its answer: parsed JSON, or the bytes as they come where it is a stream. Rejects
   * with the server's VulcanError, with `server_unreachable`, or with the signal's reason.
   */
  async call<N extends Name>(
    name: N,
    input: Operations[N]['input'],
    signal?: AbortSignal,
  ): Promise<Operations[N]['answer']> {
    const response = await this.open(name, input, signal)
    if (operations[name].answer === 'stream') return response.body ?? new Response('').body!
    try {
      return JSON.parse(await response.text()) as Operations[N]['answer']
    } catch (error) {
      throw this.broken(name, error, signal)
    }
  }

  /** What it means that an answer broke off: the signal's reason if that is why, else `server_unreachable`. */
  broken(name: Name, cause: unknown, signal?: AbortSignal): VulcanError {
    signal?.throwIfAborted()
    if (cause instanceof VulcanError) return cause
    const { method, path } = operations[name]
    const why = cause instanceof Error ? reasonOf(cause) : String(cause)
    const where = typeof this.#connection.url === 'string' ? ` at ${this.#connection.url}` : ''
    return new VulcanError('server_unreachable', `${method} ${path}${where}: ${why}`, { cause })
  }

  /** Calls an operation and gives back its answer as soon as that begins; rejects as `call` does. */
  async open(name: Name, input: Input, signal?: AbortSignal): Promise<Answer> {
    const { body, type } = bodyOf(input)
    const { url, key, fetch = globalThis.fetch } = this.#connection
    const { method, path } = operations[name]
    const headers = {
      ...input.headers,
      // Whether somebody lives there is asked before anybody knows who it is.
      ...(key && !openPaths.has(path) && { authorization: `Bearer ${key}` }),
      ...(type !== undefined && { 'content-type': type }),
    }
    const address = new URL(addressOf(path, input), typeof url === 'string' ? url : await url())
    let response: Answer
    try {
      response = await fetch(address, {
        method,
        headers,
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
      })
    } catch (error) {
      throw this.broken(name, error, signal)
    }
    if (!response.ok) throw errorOf(await problemIn(response), response.status)
    return response
  }
}

/** The path with its parameters and query, each percent-encoded. */
function addressOf(path: string, input: Input): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(input.path?.[name] ?? ''))
  const query = new URLSearchParams(Object.entries(input.query ?? {}).map(([name, value]) => [name, String(value)]))
  return query.size > 0 ? `${filled}?${query.toString()}` : filled
}

/** JSON, or with files multipart, of which fetch sets the type and streams what lies on a disk. */
function bodyOf({ body, files }: Input): { body?: string | FormData; type?: string } {
  if (body === undefined) return {}
  if (!files) return { body: JSON.stringify(body), type: 'application/json' }
  const form = new FormData()
  form.set('spec', JSON.stringify(body))
  for (const [name, file] of Object.entries(files)) form.set(name, file, name)
  return { body: form }
}

async function problemIn(response: Answer): Promise<Partial<Problem>> {
  const text = await response.text()
  if (!(response.headers.get('content-type') ?? '').startsWith(problemMediaType)) return {}
  return JSON.parse(text) as Problem
}

/** fetch hides the reason of a failed connection in the cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}

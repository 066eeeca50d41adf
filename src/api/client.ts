/** The client of Vulcan's HTTP API. Uses fetch alone, so it runs in Node and in a browser. */
import { VulcanError } from './errors.ts'
import { Patience, type PatienceOptions } from './patience.ts'
import { errorOf, problemMediaType, type Problem } from './problem.ts'
import { pathOf, routes } from './routes.ts'
import { EventParser, type LogEvent } from './sse.ts'
import type { BackendState, CleanupReport, Health, ImageState, NodeState } from './state.ts'
import type { Accepted, WorkloadRecord, WorkloadRequest, WorkloadSummary } from './workload.ts'

export interface ClientOptions extends PatienceOptions {
  /** Such as `http://127.0.0.1:7777`; asked for anew for each request where it can change. */
  readonly url: string | (() => Promise<string>)
  readonly key?: string | undefined
}

export interface LogOptions {
  /** The last event already seen; 0 for all. */
  readonly after?: number
  /** False: what there is, without what is still to come. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

export interface Page {
  readonly workloads: readonly WorkloadSummary[]
  readonly next_cursor?: string
}

/** Every method rejects with a VulcanError: the server's own, or `server_unreachable`. */
export class Client {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /** Hands a workload in and returns at once; `archive` goes by multipart, streamed. */
  async submit(request: WorkloadRequest, archive?: Blob): Promise<Accepted> {
    return this.#json<Accepted>('POST', routes.workloadsAsync, { body: bodyOf(request, archive) })
  }

  /** Runs a workload and waits for its record. */
  async run(request: WorkloadRequest, archive?: Blob): Promise<WorkloadRecord> {
    return this.#json<WorkloadRecord>('POST', routes.workloads, { body: bodyOf(request, archive) })
  }

  async get(id: string): Promise<WorkloadRecord> {
    return this.#json<WorkloadRecord>('GET', pathOf(routes.workload, { id }))
  }

  /** `query` as the route takes it: status, runtime, label, limit, cursor. */
  async list(query: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Page> {
    const words = new URLSearchParams(query).toString()
    const path = words ? `${routes.workloads}?${words}` : routes.workloads
    return this.#json<Page>('GET', path, signal ? { signal } : {})
  }

  async kill(id: string): Promise<void> {
    await this.#json('DELETE', pathOf(routes.workload, { id }))
  }

  async backends(): Promise<readonly BackendState[]> {
    return (await this.#json<{ backends: BackendState[] }>('GET', routes.backends)).backends
  }

  async nodes(): Promise<readonly NodeState[]> {
    return (await this.#json<{ nodes: NodeState[] }>('GET', routes.nodes)).nodes
  }

  async images(): Promise<readonly ImageState[]> {
    return (await this.#json<{ images: ImageState[] }>('GET', routes.images)).images
  }

  /** Removes what earlier runs left behind. */
  async cleanup(): Promise<CleanupReport> {
    return this.#json<CleanupReport>('POST', routes.cleanup)
  }

  /** What cleanup would remove. */
  async leftovers(): Promise<CleanupReport> {
    return this.#json<CleanupReport>('GET', routes.cleanup)
  }

  async health(signal?: AbortSignal): Promise<Health> {
    return this.#json<Health>('GET', routes.health, signal ? { signal } : {})
  }

  /** A workload's whole output of one stream, as it comes, until its end. */
  async output(id: string, stream: 'stdout' | 'stderr'): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#fetch('GET', pathOf(routes.output, { id, stream }))
    return response.body ?? new ReadableStream({ start: (controller) => controller.close() })
  }

  /**
   * A workload's events from the first (or `after`) to `end`, each exactly once and in order, over as many connections
   * as it takes. Rejects when the server stays away or forgets the workload. Without `follow` a log that has no end yet
   * ends with the newest event.
   */
  async *logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    const { signal, follow = true } = options
    const patience = this.patience(signal)
    let after = options.after ?? 0
    for (;;) {
      let broken: unknown = new VulcanError('server_unreachable', `the log of ${id} broke off without an end`)
      try {
        for await (const event of this.#stream(id, { after, follow, ...(signal && { signal }) })) {
          patience.renew()
          after = event.id
          yield event
          if (event.event === 'end') return
        }
        if (!follow) return
      } catch (error) {
        broken = error
      }
      await patience.wait(broken)
    }
  }

  /** How this client waits for a server that is away for a while. */
  patience(signal?: AbortSignal): Patience {
    return new Patience(this.#options, signal)
  }

  /** The events of one connection; an id already seen or out of turn is never yielded. */
  async *#stream(
    id: string,
    { after, follow, signal }: { after: number; follow: boolean; signal?: AbortSignal },
  ): AsyncGenerator<LogEvent> {
    const headers = { accept: 'text/event-stream', 'last-event-id': String(after) }
    const path = pathOf(routes.logs, { id }) + (follow ? '' : '?follow=false')
    const response = await this.#fetch('GET', path, { headers, ...(signal && { signal }) })
    if (!response.body) return
    const parser = new EventParser()
    let last = after
    try {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        for (const raw of parser.push(text)) {
          const event = { id: Number(raw.id), event: raw.event, data: JSON.parse(raw.data) } as LogEvent
          if (event.id !== last + 1) continue
          last = event.id
          yield event
        }
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof VulcanError) throw error
      throw unreachable(`GET ${path}`, error)
    }
  }

  async #json<T>(method: string, path: string, init: RequestParts = {}): Promise<T> {
    const response = await this.#fetch(method, path, init)
    try {
      return (await response.json()) as T
    } catch (error) {
      init.signal?.throwIfAborted()
      // The answer broke off in its middle.
      throw unreachable(`${method} ${path}`, error)
    }
  }

  async #fetch(method: string, path: string, init: RequestParts = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.#options.key) headers.set('authorization', `Bearer ${this.#options.key}`)
    if (typeof init.body === 'string') headers.set('content-type', 'application/json')
    const { url } = this.#options
    const base = typeof url === 'string' ? url : await url()
    let response: Response
    try {
      response = await fetch(new URL(path, base), {
        method,
        headers,
        ...(init.body !== undefined && { body: init.body }),
        ...(init.signal && { signal: init.signal }),
      })
    } catch (error) {
      init.signal?.throwIfAborted()
      throw unreachable(`${method} ${path} at ${base}`, error)
    }
    if (!response.ok) throw errorOf(await problemIn(response), response.status)
    return response
  }
}

function unreachable(request: string, cause: unknown): VulcanError {
  const why = cause instanceof Error ? reasonOf(cause) : String(cause)
  return new VulcanError('server_unreachable', `${request}: ${why}`, { cause })
}

interface RequestParts {
  readonly headers?: Record<string, string>
  readonly body?: string | FormData
  readonly signal?: AbortSignal
}

function bodyOf(request: WorkloadRequest, archive?: Blob): string | FormData {
  if (!archive) return JSON.stringify(request)
  const form = new FormData()
  form.set('spec', JSON.stringify(request))
  form.set('archive', archive, 'archive')
  return form
}

async function problemIn(response: Response): Promise<Partial<Problem>> {
  const text = await response.text()
  if (!(response.headers.get('content-type') ?? '').startsWith(problemMediaType)) return {}
  return JSON.parse(text) as Problem
}

/** fetch hides the reason of a failed connection in the cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}

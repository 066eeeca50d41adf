/** The client of Vulcan's HTTP API, over its generated operations. Uses fetch alone, so it runs in Node and in a browser. */
import { errorTable, VulcanError } from './errors.ts'
import { EventParser, type LogEvent } from './sse.ts'
import type { BackendState, CleanupReport, Health, ImageState, NodeState, Stats } from './state.ts'
import { Transport, type Connection } from './transport.ts'
import type { Accepted, WorkloadRecord, WorkloadRequest, WorkloadSummary } from './workload.ts'

export interface ClientOptions extends Connection {
  /** Attempts in a row, without any news between, to take up a broken log stream again; 8 by default. */
  readonly reconnects?: number
  /** Milliseconds before the first of them; doubles up to 5 s. */
  readonly reconnectDelayMs?: number
}

export interface LogOptions {
  /** The last event already seen; 0 for all. */
  readonly after?: number
  readonly signal?: AbortSignal
}

export interface Page {
  readonly workloads: readonly WorkloadSummary[]
  readonly next_cursor?: string
}

/** Every method rejects with a VulcanError: the server's own, or `server_unreachable`. */
export class Client {
  readonly #transport: Transport
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
    this.#transport = new Transport(options)
  }

  /** Hands a workload in and returns at once; `archive` goes by multipart, streamed. */
  async submit(request: WorkloadRequest, archive?: Blob): Promise<Accepted> {
    return this.#transport.call('submitWorkload', { body: request, ...(archive && { files: { archive } }) })
  }

  /** Runs a workload and waits for its record. */
  async run(request: WorkloadRequest, archive?: Blob): Promise<WorkloadRecord> {
    return this.#transport.call('runWorkload', { body: request, ...(archive && { files: { archive } }) })
  }

  async get(id: string): Promise<WorkloadRecord> {
    return this.#transport.call('getWorkload', { path: { id } })
  }

  /** `query` as the route takes it: status, runtime, label, limit, cursor. What does not fit the server refuses. */
  async list(query: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.#transport.call('listWorkloads', { query })
  }

  async kill(id: string): Promise<void> {
    await this.#transport.call('killWorkload', { path: { id } })
  }

  async backends(): Promise<readonly BackendState[]> {
    return (await this.#transport.call('listBackends', {})).backends
  }

  async nodes(): Promise<readonly NodeState[]> {
    return (await this.#transport.call('listNodes', {})).nodes
  }

  async images(): Promise<readonly ImageState[]> {
    return (await this.#transport.call('listImages', {})).images
  }

  /** Workloads by status, and how full the server is. */
  async stats(): Promise<Stats> {
    return this.#transport.call('getStats', {})
  }

  /** Removes what earlier runs left behind. */
  async cleanup(): Promise<CleanupReport> {
    return this.#transport.call('cleanup', {})
  }

  /** What cleanup would remove. */
  async leftovers(): Promise<CleanupReport> {
    return this.#transport.call('previewCleanup', {})
  }

  async health(signal?: AbortSignal): Promise<Health> {
    return this.#transport.call('getHealth', {}, signal)
  }

  /** A workload's whole output of one stream, as it comes, until its end. */
  async output(id: string, stream: 'stdout' | 'stderr'): Promise<ReadableStream<Uint8Array>> {
    return this.#transport.call('readOutput', { path: { id, stream } })
  }

  /**
   * A workload's events from the first (or `after`) to `end`, each exactly once and in order, over as many connections
   * as it takes, also when the server is started anew between. Rejects when it stays away or forgets the workload.
   */
  async *logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    let after = options.after ?? 0
    let failures = 0
    for (;;) {
      try {
        for await (const event of this.#stream(id, after, options.signal)) {
          failures = 0
          after = event.id
          yield event
          if (event.event === 'end') return
        }
        failures += 1
      } catch (error) {
        if (!(error instanceof VulcanError) || !errorTable[error.code].retry) throw error
        if (failures >= (this.#options.reconnects ?? 8)) throw error
        failures += 1
      }
      if (failures > (this.#options.reconnects ?? 8)) {
        throw new VulcanError('server_unreachable', `the log of ${id} broke off ${failures} times without an end`)
      }
      await pause(Math.min(5000, (this.#options.reconnectDelayMs ?? 100) * 2 ** (failures - 1)), options.signal)
    }
  }

  /** The events of one connection; an id already seen or out of turn is never yielded, nor is what has no id. */
  async *#stream(id: string, after: number, signal?: AbortSignal): AsyncGenerator<LogEvent> {
    const input = { path: { id }, headers: { accept: 'text/event-stream', 'last-event-id': String(after) } }
    const body = await this.#transport.call('followWorkload', input, signal)
    const parser = new EventParser()
    let last = after
    try {
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        for (const raw of parser.push(text)) {
          if (raw.event === 'shutdown')
            throw new VulcanError('shutting_down', `the server went away; the run ${id} did not end`)
          const event = { id: Number(raw.id), event: raw.event, data: JSON.parse(raw.data) } as LogEvent
          if (event.id !== last + 1) continue
          last = event.id
          yield event
        }
      }
    } catch (error) {
      throw this.#transport.broken('followWorkload', error, signal)
    }
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => reject(signal?.reason as Error)
  signal?.addEventListener('abort', onAbort, { once: true })
  setTimeout(resolve, ms)
  return promise.finally(() => signal?.removeEventListener('abort', onAbort))
}

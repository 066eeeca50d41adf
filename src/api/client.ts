/** The client of Vulcan's HTTP API, over its generated operations. Uses fetch alone, so it runs in Node and in a browser. */
import type { HostReport } from './doctor.ts'
import { VulcanError } from './errors.ts'
import { followLog } from './follow.ts'
import type { KeyInfo, KeyRequest, NewKey } from './keys.ts'
import { Patience, type PatienceOptions } from './patience.ts'
import type { KeptRequest } from './request.ts'
import { EventParser, type Change, type LogEvent, type RawEvent } from './sse.ts'
import type {
  BackendState,
  CleanupReport,
  Health,
  ImageState,
  LeftoverList,
  LoginLink,
  NodeState,
  Stats,
} from './state.ts'
import { Transport, type Connection } from './transport.ts'
import type { PoolReport, TemplateInfo } from './warm.ts'
import type { Accepted, WorkloadRecord, WorkloadRequest, WorkloadSummary } from './workload.ts'

export interface ClientOptions extends PatienceOptions, Connection {}

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
  async list(query: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Page> {
    return this.#transport.call('listWorkloads', { query }, signal)
  }

  async kill(id: string): Promise<void> {
    await this.#transport.call('killWorkload', { path: { id } })
  }

  /** What was asked for. */
  async request(id: string): Promise<KeptRequest> {
    return this.#transport.call('getRequest', { path: { id } })
  }

  /** The archive that a workload came as. */
  async archive(id: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return this.#transport.call('readArchive', { path: { id } })
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

  /**
   * Removes what is on the node and has no owner, and workloads that ended too long ago; gives back what that was. What has
   * `trouble` is there still.
   */
  async cleanup(): Promise<LeftoverList> {
    return this.#transport.call('removeLeftovers', {})
  }

  /** What the server's host has and lacks. */
  async doctor(): Promise<HostReport> {
    return this.#transport.call('judgeHost', {})
  }

  async templates(): Promise<readonly TemplateInfo[]> {
    return (await this.#transport.call('listTemplates', {})).templates
  }

  /** Has those made that are missing, for runs with default settings; `templates` tells how far that is. */
  async buildTemplates(): Promise<readonly TemplateInfo[]> {
    return (await this.#transport.call('buildTemplates', {})).templates
  }

  /** The vms that wait, ready, for a run. */
  async pool(): Promise<PoolReport> {
    return this.#transport.call('getPool', {})
  }

  /** Removes the vms that wait, ready, for a run. */
  async drain(): Promise<CleanupReport> {
    return this.#transport.call('drainPool', {})
  }

  /** What cleanup would remove. */
  async leftovers(): Promise<LeftoverList> {
    return this.#transport.call('listLeftovers', {})
  }

  /** A link that lets one browser in, once. */
  async loginLink(): Promise<LoginLink> {
    return this.#transport.call('createLoginLink', {})
  }

  /** Makes a key; the answer alone holds its text. */
  async createKey(request: KeyRequest): Promise<NewKey> {
    return this.#transport.call('createKey', { body: request })
  }

  async keys(): Promise<readonly KeyInfo[]> {
    return (await this.#transport.call('listKeys', {})).keys
  }

  async revokeKey(id: string): Promise<KeyInfo> {
    return this.#transport.call('revokeKey', { path: { id } })
  }

  /** A copy of all that the server keeps, as the bytes of a .tar.zst. */
  async backup(signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return this.#transport.call('createBackup', {}, signal)
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
   * as it takes. Rejects when the server stays away or forgets the workload. Without `follow` a log that has no end yet
   * ends with the newest event.
   */
  async *logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    const { signal, follow = true, after = 0 } = options
    const stream = (from: number) => this.#stream(id, { after: from, follow, ...(signal && { signal }) })
    const source = { id, stream, get: () => this.get(id), patience: this.patience(signal) }
    yield* followLog(source, { after, follow })
  }

  /** How this client waits for a server that is away for a while. */
  patience(signal?: AbortSignal): Patience {
    return new Patience(this.#options, signal)
  }

  /**
   * Changes of the workloads' status, over one connection: `open` once it is there, then what comes after the change
   * numbered `after`, or from now on. Ends by rejecting: with the server's error, with `server_unreachable` or
   * `shutting_down`, which pass, or with the signal's reason.
   */
  async *changes({ after, signal }: { after?: number | undefined; signal: AbortSignal }): AsyncGenerator<Change> {
    const headers = { accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': String(after) }) }
    const body = await this.#transport.call('followEvents', { headers }, signal)
    yield { event: 'open' }
    for await (const { id, event, data } of this.#eventsIn('followEvents', body, signal)) {
      if (event === 'workload') yield { id: Number(id), event, data: JSON.parse(data) as WorkloadSummary }
      else if (event === 'missed') yield { id: Number(id), event }
    }
    throw new VulcanError('server_unreachable', 'the stream of events broke off')
  }

  /** The events of one connection; an id already seen or out of turn is never yielded. */
  async *#stream(
    id: string,
    { after, follow, signal }: { after: number; follow: boolean; signal?: AbortSignal },
  ): AsyncGenerator<LogEvent> {
    const headers = { accept: 'text/event-stream', 'last-event-id': String(after) }
    const input = { path: { id }, headers, ...(!follow && { query: { follow: 'false' as const } }) }
    const body = await this.#transport.call('followWorkload', input, signal)
    let last = after
    for await (const raw of this.#eventsIn('followWorkload', body, signal)) {
      const event = { id: Number(raw.id), event: raw.event, data: JSON.parse(raw.data) } as LogEvent
      if (event.id !== last + 1) continue
      last = event.id
      yield event
    }
  }

  /** Rejects when the server says that it goes, or is gone. */
  async *#eventsIn(
    name: 'followWorkload' | 'followEvents',
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    signal?: AbortSignal,
  ): AsyncGenerator<RawEvent> {
    const parser = new EventParser()
    const decoder = new TextDecoder()
    try {
      for await (const bytes of body) {
        for (const event of parser.push(decoder.decode(bytes, { stream: true }))) {
          // It has no id of its own: what is followed goes on, elsewhere or later.
          if (event.event === 'shutdown') throw new VulcanError('shutting_down', 'it shuts down')
          yield event
        }
      }
    } catch (error) {
      throw this.#transport.broken(name, error, signal)
    }
  }
}

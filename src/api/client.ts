/** The client of Vulcan's HTTP API, over its generated operations. Uses fetch alone, so it runs in Node and in a browser. */
import type { HostReport } from './doctor.ts'
import { Events, type LogOptions, type Started, type StartOptions } from './events.ts'
import type { KeyInfo, KeyRequest, NewKey } from './keys.ts'
import { Patience, type PatienceOptions } from './patience.ts'
import type { KeptRequest } from './request.ts'
import type { Change, LogEvent } from './sse.ts'
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

export interface Page {
  readonly workloads: readonly WorkloadSummary[]
  readonly next_cursor?: string
}

/** Every method rejects with a VulcanError: the server's own, or `server_unreachable`. */
export class Client {
  readonly #transport: Transport
  readonly #options: ClientOptions
  readonly #events: Events

  constructor(options: ClientOptions) {
    this.#options = options
    this.#transport = new Transport(options)
    this.#events = new Events(this.#transport, {
      get: (id) => this.get(id),
      patience: (signal) => this.patience(signal),
    })
  }

  /** Hands a workload in and returns at once; `archive` goes by multipart, streamed. */
  async submit(request: WorkloadRequest, archive?: Blob): Promise<Accepted> {
    return this.#transport.call('submitWorkload', { body: request, ...(archive && { files: { archive } }) })
  }

  /** Runs a workload and waits for its record. */
  async run(request: WorkloadRequest, archive?: Blob): Promise<WorkloadRecord> {
    return this.#transport.call('runWorkload', { body: request, ...(archive && { files: { archive } }) })
  }

  /**
   * Runs a workload and gives its events as they come, as `logs` would, without a second request. Resolves once the workload is
   * taken in.
   */
  start(request: WorkloadRequest, options: StartOptions = {}): Promise<Started> {
    return this.#events.start(request, options)
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

  /** Sends no key. `challenge` is answered with a proof that the server knows the secret of its home. */
  async health(signal?: AbortSignal, challenge?: string): Promise<Health> {
    return this.#transport.call('getHealth', { query: { ...(challenge !== undefined && { challenge }) } }, signal)
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
  logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    return this.#events.logs(id, options)
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
  changes(options: { after?: number | undefined; signal: AbortSignal }): AsyncGenerator<Change> {
    return this.#events.changes(options)
  }
}

/** Streams of events, over the connections of a client. */
import { VulcanError } from './errors.ts'
import { followLog } from './follow.ts'
import type { Patience } from './patience.ts'
import { EventParser, eventStream, type Change, type LogEvent, type RawEvent } from './sse.ts'
import type { Transport } from './transport.ts'
import type { WorkloadRecord, WorkloadRequest, WorkloadSummary } from './workload.ts'

export interface LogOptions {
  /** The last event already seen; 0 for all. */
  readonly after?: number
  /** False: what there is, without what is still to come. */
  readonly follow?: boolean
  readonly signal?: AbortSignal | undefined
}

export interface StartOptions {
  /** Goes by multipart, streamed. */
  readonly archive?: Blob | undefined
  /** Ends the call and the events, not the workload. */
  readonly signal?: AbortSignal | undefined
}

/** A workload that was taken in. */
export interface Started {
  readonly id: string
  /** Holds a connection: iterate it, or abort the signal. */
  readonly events: AsyncGenerator<LogEvent>
}

type Body = ReadableStream<Uint8Array<ArrayBuffer>>
type Streams = 'followWorkload' | 'followEvents' | 'runWorkload'

/** The client that the streams are of. */
interface Owner {
  readonly get: (id: string) => Promise<WorkloadRecord>
  readonly patience: (signal?: AbortSignal) => Patience
}

/** The methods of the client that have these names say what each does. */
export class Events {
  readonly #transport: Transport
  readonly #owner: Owner

  constructor(transport: Transport, owner: Owner) {
    this.#transport = transport
    this.#owner = owner
  }

  async start(request: WorkloadRequest, o: StartOptions): Promise<Started> {
    const { archive, signal } = o
    const input = { body: request, headers: { accept: eventStream }, ...(archive && { files: { archive } }) }
    const { headers, body } = await this.#transport.open('runWorkload', input, signal)
    const id = headers.get('location')?.split('/').at(-1)
    if (!id) {
      await body?.cancel()
      throw new VulcanError(
        'server_unreachable',
        'the answer to a run names no workload: something between has taken its Location',
      )
    }
    return { id, events: this.#follow(id, { signal, first: body ?? undefined }) }
  }

  logs(id: string, options: LogOptions): AsyncGenerator<LogEvent> {
    return this.#follow(id, options)
  }

  /** `first`: an answer that has come already, from its first event on. */
  async *#follow(id: string, o: LogOptions & { first?: Body | undefined }): AsyncGenerator<LogEvent> {
    const { signal, follow = true, after = 0 } = o
    let { first } = o
    const stream = (from: number) => {
      const body = first
      first = undefined
      return body
        ? this.#logEvents('runWorkload', body, { after: 0, signal })
        : this.#stream(id, { after: from, follow, signal })
    }
    const source = { id, stream, get: () => this.#owner.get(id), patience: this.#owner.patience(signal) }
    yield* followLog(source, { after, follow })
  }

  async *changes({ after, signal }: { after?: number | undefined; signal: AbortSignal }): AsyncGenerator<Change> {
    const headers = { accept: eventStream, ...(after !== undefined && { 'last-event-id': String(after) }) }
    const body = await this.#transport.call('followEvents', { headers }, signal)
    yield { event: 'open' }
    for await (const { id, event, data } of this.#eventsIn('followEvents', body, signal)) {
      if (event === 'workload') yield { id: Number(id), event, data: JSON.parse(data) as WorkloadSummary }
      else if (event === 'missed') yield { id: Number(id), event }
    }
    throw new VulcanError('server_unreachable', 'the stream of events broke off')
  }

  /** The events of one connection more. */
  async *#stream(
    id: string,
    { after, follow, signal }: { after: number; follow: boolean; signal: AbortSignal | undefined },
  ): AsyncGenerator<LogEvent> {
    const headers = { accept: eventStream, 'last-event-id': String(after) }
    const input = { path: { id }, headers, ...(!follow && { query: { follow: 'false' as const } }) }
    const body = await this.#transport.call('followWorkload', input, signal)
    yield* this.#logEvents('followWorkload', body, { after, signal })
  }

  /** The events of one connection; an id already seen or out of turn is never yielded. */
  async *#logEvents(
    name: 'followWorkload' | 'runWorkload',
    body: Body,
    { after, signal }: { after: number; signal: AbortSignal | undefined },
  ): AsyncGenerator<LogEvent> {
    let last = after
    for await (const raw of this.#eventsIn(name, body, signal)) {
      const event = { id: Number(raw.id), event: raw.event, data: JSON.parse(raw.data) } as LogEvent
      if (event.id !== last + 1) continue
      last = event.id
      yield event
    }
  }

  /** Rejects when the server says that it goes, or is gone. */
  async *#eventsIn(name: Streams, body: Body, signal?: AbortSignal): AsyncGenerator<RawEvent> {
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

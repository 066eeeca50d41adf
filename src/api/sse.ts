/** Server-sent events, written and read: the HTML standard's text format, as far as Vulcan uses it. */
import type { Denied } from './denial.ts'
import type { ExitRecord, Status, WorkloadSummary } from './workload.ts'

/** Output that is not UTF-8 travels as base64; everything else as text. */
export type OutputData = { readonly text: string } | { readonly base64: string }

export type LogEvent =
  | { readonly id: number; readonly event: 'stdout' | 'stderr'; readonly data: OutputData }
  | { readonly id: number; readonly event: 'status'; readonly data: { readonly status: Status } }
  | { readonly id: number; readonly event: 'denied'; readonly data: Denied }
  | {
      readonly id: number
      readonly event: 'end'
      readonly data: { readonly status: Status; readonly exit?: ExitRecord }
    }

/** What the stream of all workloads' changes tells, and that it is there; `missed`: read anew what there is. */
export type Change =
  | { readonly event: 'open' }
  | { readonly event: 'missed'; readonly id: number }
  | { readonly event: 'workload'; readonly id: number; readonly data: WorkloadSummary }

/** Media type of a stream of events. */
export const eventStream = 'text/event-stream'

/** One event as text. JSON has no raw line breaks, so one data line is enough. */
export function formatEvent(event: LogEvent): string {
  return `id: ${event.id}\nevent: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`
}

/**
 * The last word of a server that goes away before the workload's end. It has no id, so that whoever takes the stream up
 * again goes on after the last event that has one; `retry` is milliseconds, and browsers keep to it by themselves.
 */
export const shutdown = 'event: shutdown\nretry: 1000\ndata: {"code":"shutting_down"}\n\n'

/** A comment: keeps connections open and tells the reader that we live. */
export const heartbeat = ': heartbeat\n\n'

export interface RawEvent {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Takes text however it is cut and gives back the events that are complete. */
export class EventParser {
  #rest = ''
  #fields: { id: string; event: string; data: string[] } = { id: '', event: '', data: [] }

  push(text: string): RawEvent[] {
    const events: RawEvent[] = []
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = this.#line(line)
      if (event) events.push(event)
    }
    return events
  }

  #line(line: string): RawEvent | undefined {
    if (line === '') return this.#dispatch()
    if (line.startsWith(':')) return undefined
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') this.#fields.data.push(value)
    else if (name === 'id' || name === 'event') this.#fields[name] = value
    return undefined
  }

  #dispatch(): RawEvent | undefined {
    const { id, event, data } = this.#fields
    this.#fields = { id, event: '', data: [] }
    if (data.length === 0) return undefined
    return { id, event: event || 'message', data: data.join('\n') }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Output bytes as they travel in an event. */
export function outputData(bytes: Uint8Array): OutputData {
  try {
    return { text: utf8.decode(bytes) }
  } catch {
    // Not UTF-8: the one expected failure of a fatal decoder.
    return { base64: bytes.toBase64() }
  }
}

/** The bytes that output data stands for. */
export function outputBytes(data: OutputData): Uint8Array {
  return 'text' in data ? new TextEncoder().encode(data.text) : Uint8Array.fromBase64(data.base64)
}

/** What a program writes, on its way to the log: cut at characters, counted, bounded. */
import type { Chunk, Exit, Run, Seen } from '../backend/backend.ts'
import { maxEntryBytes, type Event } from './entries.ts'
import type { EventLog } from './eventlog.ts'
import { Excerpt } from './excerpt.ts'
import { messageOf } from '../base/words.ts'
import { cut } from './utf8.ts'

/** Bytes of each of the two parts that a record shows of a stream. */
export const excerptBytes = 64 << 10

type Stream = Chunk['stream']

export class Output {
  readonly excerpts: Readonly<Record<Stream, Excerpt>> = {
    stdout: new Excerpt(excerptBytes),
    stderr: new Excerpt(excerptBytes),
  }
  readonly #log: EventLog
  readonly #limit: number
  readonly #rest: Record<Stream, Uint8Array> = { stdout: new Uint8Array(), stderr: new Uint8Array() }
  readonly #taken: Record<Stream, number> = { stdout: 0, stderr: 0 }
  #bytes = 0

  /** `limitBytes`: of both streams together; what comes after is counted and dropped. */
  constructor(log: EventLog, limitBytes: number) {
    this.#log = log
    this.#limit = limitBytes
  }

  /** Bytes of each stream that are in the log, or past the limit and dropped for good. */
  get kept(): Seen {
    const kept = (stream: Stream) => this.#taken[stream] - this.#rest[stream].length
    return { stdout: kept('stdout'), stderr: kept('stderr') }
  }

  /** Takes what a run writes, to its end; gives back why some of it was lost, if so. */
  async follow(run: Pick<Run, 'output' | 'acknowledge' | 'kill'>): Promise<string | undefined> {
    let lost: string | undefined
    for await (const chunk of run.output) {
      if (lost) continue
      try {
        if (await this.take(chunk)) run.kill('output_limit')
        run.acknowledge(this.kept)
      } catch (error) {
        // Read on to the end, or the program would wait for us for ever.
        lost = `its output could not be kept: ${messageOf(error)}`
        run.kill('killed')
      }
    }
    return lost
  }

  /** Takes one chunk; resolves once it is in the log. True as soon as the limit is passed. */
  async take({ stream, data }: Chunk): Promise<boolean> {
    const room = Math.max(0, this.#limit - this.#bytes)
    this.#bytes += data.length
    this.#taken[stream] += data.length
    if (data.length > room) this.excerpts[stream].drop(data.length - room)
    const kept = data.subarray(0, room)
    if (kept.length > 0) {
      const { pieces, rest } = cut(Buffer.concat([this.#rest[stream], kept]), maxEntryBytes)
      this.#rest[stream] = rest
      for (const piece of pieces) await this.#keep(stream, piece)
    }
    return this.#bytes > this.#limit
  }

  /** Takes what an earlier process had put into the log. */
  restore({ kind, data }: Event): void {
    if (kind !== 'stdout' && kind !== 'stderr') return
    this.#bytes += data.length
    this.#taken[kind] += data.length
    this.excerpts[kind].push(data)
  }

  /** One that ended before the kill came has passed the limit all the same: how it ends must not be a matter of luck. */
  judge(exit: Exit): Exit {
    if (exit.by !== 'program' || this.#bytes <= this.#limit) return exit
    const { code: _code, signal: _signal, ...rest } = exit
    return { ...rest, by: 'output_limit', message: `it wrote more than the ${this.#limit} bytes that are kept` }
  }

  /** The program has ended: half a character is all there will be of it. */
  async flush(): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = this.#rest[stream]
      this.#rest[stream] = new Uint8Array()
      if (rest.length > 0) await this.#keep(stream, rest)
    }
  }

  /** The record shows what the log has, and no more, where the disk takes no more. */
  async #keep(stream: Stream, data: Uint8Array): Promise<void> {
    await this.#log.append({ kind: stream, data })
    this.excerpts[stream].push(data)
  }
}

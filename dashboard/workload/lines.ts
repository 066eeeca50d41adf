/**
 * A workload's output as lines, however it is cut when it arrives. Kept as text, one string a line: 50 MB of output are
 * most of a million lines, of which only those in sight are ever taken apart.
 */
import { outputBytes, type OutputData } from '../../src/api/sse.ts'
import { piecesOf, plain, textOf, type Look } from './ansi.ts'

export type StreamName = 'stdout' | 'stderr'

/** Characters after which a line without an end goes on in the next: a browser stalls on longer ones. */
const longestLine = 8192

interface Options {
  /** Lines that are kept; the first are given up. */
  readonly most?: number
}

interface Tail {
  readonly decoder: TextDecoder
  /** Number of the line that has no end yet. */
  open: number | undefined
  look: Look
}

const tail = (): Tail => ({ decoder: new TextDecoder(), open: undefined, look: plain })

export class Lines {
  readonly #most: number
  readonly #tails: Record<StreamName, Tail> = { stdout: tail(), stderr: tail() }
  /** Looks that lines begin in, where it is not the standard. */
  readonly #looks = new Map<number, Look>()
  #texts: string[] = []
  #streams: StreamName[] = []
  #dropped = 0
  #bytes = 0

  constructor({ most = 1_200_000 }: Options = {}) {
    this.#most = most
  }

  /** Number of the first line that is kept. */
  get first(): number {
    return this.#dropped
  }

  /** One more than the number of the last line. */
  get end(): number {
    return this.#dropped + this.#texts.length
  }

  /** Bytes that were taken. */
  get bytes(): number {
    return this.#bytes
  }

  /** Lines without an end, which may still grow: at most one of each stream. */
  get open(): readonly number[] {
    return Object.values(this.#tails).flatMap(({ open }) => (open === undefined ? [] : [open]))
  }

  streamOf(line: number): StreamName {
    return this.#streams[line - this.#dropped] ?? 'stdout'
  }

  /** As it came, with its escapes. */
  rawOf(line: number): string {
    return this.#texts[line - this.#dropped] ?? ''
  }

  textOf(line: number): string {
    return textOf(this.rawOf(line))
  }

  lookOf(line: number): Look {
    return this.#looks.get(line) ?? plain
  }

  /** Takes the next part of a stream; characters and lines may lie across parts. */
  take(stream: StreamName, data: OutputData): void {
    const bytes = outputBytes(data)
    this.#bytes += bytes.length
    const state = this.#tails[stream]
    const parts = state.decoder.decode(bytes, { stream: true }).split('\n')
    const last = parts.pop() ?? ''
    for (const part of parts) {
      this.#append(stream, part)
      this.#close(stream)
    }
    if (last !== '') this.#append(stream, last)
    this.#forget()
  }

  #append(stream: StreamName, text: string): void {
    const state = this.#tails[stream]
    let rest = text
    do {
      if (state.open === undefined || state.open < this.#dropped) this.#begin(stream)
      const at = (state.open ?? 0) - this.#dropped
      const before = this.#texts[at] ?? ''
      const room = longestLine - before.length
      this.#texts[at] = before + rest.slice(0, room)
      rest = rest.slice(room)
      if (rest !== '') this.#close(stream)
    } while (rest !== '')
  }

  #begin(stream: StreamName): void {
    const state = this.#tails[stream]
    state.open = this.end
    this.#texts.push('')
    this.#streams.push(stream)
    if (state.look !== plain) this.#looks.set(state.open, state.look)
  }

  #close(stream: StreamName): void {
    const state = this.#tails[stream]
    if (state.open === undefined) return
    const raw = this.rawOf(state.open)
    if (raw.includes('\u001B')) {
      const { end } = piecesOf(raw, state.look)
      state.look = Object.keys(end).length === 0 ? plain : end
    }
    state.open = undefined
  }

  /** A tenth at once, so that it costs little for each line. */
  #forget(): void {
    if (this.#texts.length <= this.#most) return
    const many = this.#texts.length - Math.floor(this.#most * 0.9)
    this.#texts = this.#texts.slice(many)
    this.#streams = this.#streams.slice(many)
    this.#dropped += many
    for (const line of this.#looks.keys()) if (line < this.#dropped) this.#looks.delete(line)
  }
}

/** What host and guest said to each other for one run: who, when, what kind and how much, and nothing of what was in it. */

export interface FrameNote {
  /** Counts from 1; some in the middle may be left out. */
  readonly number: number
  /** Milliseconds of the epoch, with a fraction. */
  readonly atMs: number
  readonly from: 'host' | 'guest'
  /** The operation of a control frame, the stream of a data frame, or `end of` a stream. */
  readonly kind: string
  /** With its header. */
  readonly bytes: number
}

export interface Conversation {
  /** The first and the last ones. */
  readonly frames: readonly FrameNote[]
  /** Of all frames. */
  readonly count: number
  readonly bytes: number
}

/** Frames that are kept of the beginning, and as many of the end. */
const most = 40

/** Takes a conversation down, however long it gets. */
export class Transcript {
  readonly #first: FrameNote[] = []
  /** A ring: the note with number n is at n modulo its size. */
  readonly #last: FrameNote[] = []
  #count = 0
  #bytes = 0

  note(o: Pick<FrameNote, 'from' | 'kind' | 'bytes'>): void {
    const number = ++this.#count
    this.#bytes += o.bytes
    const note = { number, atMs: performance.timeOrigin + performance.now(), ...o }
    if (number <= most) this.#first.push(note)
    else this.#last[number % most] = note
  }

  toRecord(): Conversation {
    // What is not filled yet is a hole, and left out.
    const last = this.#last.filter(Boolean).toSorted((a, b) => a.number - b.number)
    return { frames: [...this.#first, ...last], count: this.#count, bytes: this.#bytes }
  }
}

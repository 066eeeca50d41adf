/** The first and last parts of a stream, in bounded memory, for the record. */
import { Tail } from '../base/tail.ts'
import { incompleteTail } from './utf8.ts'

export class Excerpt {
  readonly #limit: number
  /** Never more than its limit, of which it then is all. */
  readonly #head: Tail
  readonly #tail: Tail
  #headBytes = 0
  #total = 0
  #unkept = 0

  /** `limit`: bytes of each part. */
  constructor(limit: number) {
    this.#limit = limit
    this.#head = new Tail(limit)
    this.#tail = new Tail(limit)
  }

  push(bytes: Uint8Array): void {
    this.#total += bytes.length
    const room = Math.max(0, this.#limit - this.#headBytes)
    if (room > 0) {
      this.#head.push(bytes.subarray(0, room))
      this.#headBytes += Math.min(room, bytes.length)
    }
    if (bytes.length > room) this.#tail.push(bytes.subarray(room))
  }

  /** Counts bytes that were thrown away unseen. */
  drop(bytes: number): void {
    this.#unkept += bytes
  }

  get droppedBytes(): number {
    return this.#cutBytes + this.#unkept
  }

  text(): string {
    const head = this.#head.bytes()
    if (this.#cutBytes === 0) return head.toString('utf8') + this.#tail.text() + this.#unkeptNote()
    // A character cut in two at an edge would read as two strange ones.
    const whole = head.subarray(0, head.length - incompleteTail(head)).toString('utf8')
    return `${whole}\n[${this.#cutBytes} bytes are not shown]\n${this.#tail.text().replace(/^\uFFFD{1,3}/, '')}${this.#unkeptNote()}`
  }

  get #cutBytes(): number {
    return Math.max(0, this.#total - this.#headBytes - this.#limit)
  }

  #unkeptNote(): string {
    return this.#unkept > 0 ? `\n[${this.#unkept} more bytes were dropped]\n` : ''
  }
}

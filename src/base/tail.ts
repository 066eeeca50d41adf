/** Pieces that are held apart: each costs more than the byte that it may be. */
const mostParts = 1024

/** The end of a byte stream that may be endless: the last `limit` bytes are kept, in bounded memory. */
export class Tail {
  readonly #limit: number
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  push(chunk: Uint8Array): void {
    // Copied: a view would keep the whole buffer it was cut from.
    const part = Buffer.from(chunk.subarray(-this.#limit))
    this.#parts.push(part)
    this.#bytes += part.length
    // Joined only when twice the limit is held, or in many pieces, so that each byte is copied a few times at most.
    if (this.#bytes > 2 * this.#limit || this.#parts.length > mostParts) this.#trim()
  }

  bytes(): Buffer {
    return this.#trim()
  }

  text(): string {
    return this.#trim().toString('utf8')
  }

  #trim(): Buffer {
    const kept = Buffer.from(Buffer.concat(this.#parts).subarray(-this.#limit))
    this.#parts = [kept]
    this.#bytes = kept.length
    return kept
  }
}

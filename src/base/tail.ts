/** The end of a byte stream that may be endless: the last `limit` bytes are kept, in bounded memory. */
export class Tail {
  readonly #limit: number
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  push(chunk: Uint8Array): void {
    this.#parts.push(chunk.length > this.#limit ? chunk.subarray(-this.#limit) : chunk)
    this.#bytes += chunk.length
    // Joined only when twice the limit is held, so that each byte is copied about once.
    if (this.#bytes > 2 * this.#limit) this.#trim()
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

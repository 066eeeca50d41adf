/** A bounded channel from one writer to one reader: a full channel makes the writer wait, so memory stays flat. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #limit: number
  readonly #sizeOf: (item: T) => number
  #items: T[] = []
  #size = 0
  #ended = false
  #changed = Promise.withResolvers<void>()

  constructor(o: { limit: number; sizeOf: (item: T) => number }) {
    this.#limit = o.limit
    this.#sizeOf = o.sizeOf
  }

  /** Hands an item over; resolves when there is room for the next one. After the end items are dropped. */
  async write(item: T): Promise<void> {
    if (this.#ended) return
    this.#items.push(item)
    this.#size += this.#sizeOf(item)
    this.#notify()
    while (this.#size > this.#limit && !this.#ended) await this.#changed.promise
  }

  /** No more items come; what is in the channel can still be read, and a waiting writer goes on. */
  end(): void {
    this.#ended = true
    this.#notify()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) {
        this.#size -= this.#sizeOf(item)
        this.#notify()
        yield item
      } else if (this.#ended) return
      else await this.#changed.promise
    }
  }

  #notify(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}

/** The newest entries of a log, as long as somebody follows it: a thousand who do would else each read them from the file. */
import type { Entry } from './entries.ts'

/** What is kept at most: who is further behind reads the file. */
const most = { entries: 256, bytes: 256 << 10 }

export class Recent {
  readonly #entries: Entry[] = []
  #bytes = 0
  #readers = 0

  /** Keeps what comes until it is disposed of. */
  follow(): Disposable {
    this.#readers += 1
    return {
      [Symbol.dispose]: () => {
        this.#readers -= 1
        if (this.#readers === 0) this.#drop(this.#entries.length)
      },
    }
  }

  add(entry: { readonly id: number; readonly kind: Entry['kind']; readonly data: Uint8Array }): void {
    if (this.#readers === 0) return
    // A copy: the bytes may be part of something larger.
    this.#entries.push({ ...entry, data: Buffer.from(entry.data) })
    this.#bytes += entry.data.length
    while (this.#entries.length > most.entries || this.#bytes > most.bytes) this.#drop(1)
  }

  /** All entries after that id; undefined where not all of them are kept. */
  after(id: number): readonly Entry[] | undefined {
    const first = this.#entries[0]?.id ?? Infinity
    return first <= id + 1 ? this.#entries.slice(id + 1 - first) : undefined
  }

  #drop(count: number): void {
    for (const { data } of this.#entries.splice(0, count)) this.#bytes -= data.length
  }
}

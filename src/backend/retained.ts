/** Output that is kept until it is acknowledged, in the order it came. Pure. */
import type { Chunk, Seen } from './backend.ts'

interface Placed extends Chunk {
  /** Bytes of its stream before it. */
  readonly at: number
}

export class Retained {
  readonly #written = { stdout: 0, stderr: 0 }
  readonly #forgotten = { stdout: 0, stderr: 0 }
  #chunks: Placed[] = []

  /** Bytes that nobody acknowledged. */
  get bytes(): number {
    return this.#chunks.reduce((sum, { data }) => sum + data.length, 0)
  }

  add({ stream, data }: Chunk): void {
    this.#chunks.push({ stream, data, at: this.#written[stream] })
    this.#written[stream] += data.length
  }

  /** Forgets what lies wholly before these bytes. */
  acknowledge(seen: Seen): void {
    const kept = this.#chunks.findIndex(({ stream, data, at }) => at + data.length > seen[stream])
    for (const { stream, data } of this.#chunks.splice(0, kept < 0 ? this.#chunks.length : kept)) {
      this.#forgotten[stream] += data.length
    }
  }

  /** Whether all behind these bytes is still here. */
  reaches(seen: Seen): boolean {
    return (['stdout', 'stderr'] as const).every(
      (stream) => seen[stream] >= this.#forgotten[stream] && seen[stream] <= this.#written[stream],
    )
  }

  /** The first piece of output behind these bytes. */
  behind(seen: Seen): Chunk | undefined {
    const next = this.#chunks.find(({ stream, data, at }) => at + data.length > seen[stream])
    if (!next) return undefined
    const { stream, data, at } = next
    return { stream, data: data.subarray(seen[stream] - at) }
  }
}

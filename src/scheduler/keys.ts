/** Idempotency keys: the same key and body again is the same workload; the same key and another body is an error. */
import { createHash } from 'node:crypto'
import { VulcanError } from '../api/errors.ts'
import type { WorkloadRequest } from '../api/workload.ts'
import { sha256File } from '../base/files.ts'
import type { Upload } from './source.ts'

interface Used {
  readonly body: string
  /** The workload's id; calls with the same key at the same time share one promise. */
  readonly id: Promise<string>
}

export class Keys {
  readonly #used = new Map<string, Used>()
  readonly #keyOf = new Map<string, string>()

  /** Gives back what `take` gave for this key the first time. A take that failed frees the key. */
  async once(request: WorkloadRequest, upload: Upload | undefined, take: () => Promise<string>): Promise<string> {
    const key = request.idempotency_key
    if (key === undefined) return take()
    const body = await digest(request, upload)
    const earlier = this.#used.get(key)
    if (!earlier) return this.#first(key, body, take)
    if (earlier.body === body) return earlier.id
    throw new VulcanError(
      'idempotency_conflict',
      `the idempotency key ${JSON.stringify(key)} was used with another body`,
      {
        field: '/idempotency_key',
      },
    )
  }

  /** Frees the key of a workload that is no longer known. */
  forget(id: string): void {
    const key = this.#keyOf.get(id)
    if (key !== undefined) this.#used.delete(key)
    this.#keyOf.delete(id)
  }

  async #first(key: string, body: string, take: () => Promise<string>): Promise<string> {
    const id = take()
    this.#used.set(key, { body, id })
    try {
      this.#keyOf.set(await id, key)
    } catch (error) {
      this.#used.delete(key)
      throw error
    }
    return id
  }
}

async function digest(request: WorkloadRequest, upload?: Upload): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(sorted({ ...request, idempotency_key: undefined })))
  if (upload) hash.update(await sha256File(upload.path))
  return hash.digest('hex')
}

/** The same value with every object's keys in order, so that their order in a body does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

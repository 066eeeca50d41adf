/**
 * A workload's events on disk, append-only: output, status changes, the end. Ids are 1, 2, 3 … without a gap.
 * Memory holds a checkpoint for every 256 events; readers follow along with a buffer of their own.
 *
 * An entry: kind (1 byte), length (4 bytes, big-endian), payload.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { abortable } from '../base/time.ts'

export const kinds = ['status', 'stdout', 'stderr', 'end'] as const
export type Kind = (typeof kinds)[number]

export interface Entry {
  readonly id: number
  readonly kind: Kind
  readonly data: Buffer
}

const headerBytes = 5
const blockBytes = 256 << 10
/** Largest payload, so that a reader's block always holds at least one entry. */
export const maxEntryBytes = 64 << 10
const checkpointEvery = 256

interface Checkpoint {
  readonly id: number
  readonly offset: number
}

export class EventLog {
  readonly path: string
  readonly #checkpoints: Checkpoint[] = [{ id: 0, offset: 0 }]
  #writer: FileHandle | undefined
  #count = 0
  #bytes = 0
  #ended = false
  #changed = Promise.withResolvers<void>()

  private constructor(path: string, writer: FileHandle | undefined) {
    this.path = path
    this.#writer = writer
  }

  static async create(path: string): Promise<EventLog> {
    return new EventLog(path, await open(path, 'wx', 0o600))
  }

  /** A log that was written to its end by an earlier process. */
  static async reopen(path: string): Promise<EventLog> {
    const log = new EventLog(path, undefined)
    const file = await open(path, 'r')
    try {
      log.#bytes = (await file.stat()).size
    } finally {
      await file.close()
    }
    log.#ended = true
    return log
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Of a log that is written by this process: the id of its newest entry. */
  get newest(): number {
    return this.#count
  }

  /** One writer at a time; a payload is at most maxEntryBytes. Readers see it once it is on its way to the disk whole. */
  async append(kind: Kind, payload: Uint8Array): Promise<void> {
    if (!this.#writer) throw new Error(`${this.path}: is closed`)
    if (payload.length > maxEntryBytes) throw new Error(`${this.path}: an entry of ${payload.length} bytes`)
    const header = Buffer.alloc(headerBytes)
    header.writeUInt8(kinds.indexOf(kind), 0)
    header.writeUInt32BE(payload.length, 1)
    await this.#writer.writev([header, payload], this.#bytes)
    this.#bytes += headerBytes + payload.length
    this.#count += 1
    if (this.#count % checkpointEvery === 0) this.#checkpoints.push({ id: this.#count, offset: this.#bytes })
    this.#notify()
  }

  /** Nothing more comes: readers end when they have read all. */
  async close(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await writer?.close()
    this.#ended = true
    this.#notify()
  }

  /** All entries after the id, then those that come, until the log is closed. Rejects when the signal is aborted. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<Entry> {
    const start = this.#checkpoints.findLast((point) => point.id <= after) ?? { id: 0, offset: 0 }
    let { id, offset } = start
    const file = await open(this.path, 'r')
    try {
      for (;;) {
        signal.throwIfAborted()
        const changed = this.#changed.promise
        const ended = this.#ended
        if (offset < this.#bytes) {
          const block = await readBlock(file, offset, this.#bytes)
          for (const { kind, data } of entriesOf(block)) {
            id += 1
            offset += headerBytes + data.length
            if (id > after) yield { id, kind, data }
          }
        } else if (ended) return
        else await abortable(changed, signal)
      }
    } finally {
      await file.close()
    }
  }

  #notify(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}

async function readBlock(file: FileHandle, offset: number, end: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(Math.min(blockBytes, end - offset))
  const { bytesRead } = await file.read(block, 0, block.length, offset)
  if (bytesRead === 0) throw new Error(`the log ends at ${offset}, before its ${end} bytes`)
  return block.subarray(0, bytesRead)
}

/** The entries that are whole in a block. */
function* entriesOf(block: Buffer): Generator<{ kind: Kind; data: Buffer }> {
  for (let at = 0; at + headerBytes <= block.length;) {
    const length = block.readUInt32BE(at + 1)
    const end = at + headerBytes + length
    if (end > block.length) return
    yield { kind: kinds[block.readUInt8(at)] ?? 'status', data: block.subarray(at + headerBytes, end) }
    at = end
  }
}

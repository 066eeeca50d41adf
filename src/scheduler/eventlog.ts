/**
 * A workload's events on disk, append-only: output, status changes, the end. Ids are 1, 2, 3 … without a gap.
 * The file is made with the first output: what comes before, and the end, follows from the workload's row. Memory holds a
 * checkpoint for every 256 events, and the newest ones while somebody follows along; who is behind has a buffer of his own.
 */
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isMissing } from '../base/files.ts'
import { abortable } from '../base/time.ts'
import {
  entriesOf,
  headerBytes,
  headerOf,
  maxEntryBytes,
  readBlock,
  type Entry,
  type Event,
  type Kind,
} from './entries.ts'
import { Recent } from './recent.ts'
import { writeWhole } from './wholewrite.ts'

const checkpointEvery = 256

/** An event as it is handed in. */
interface Given {
  readonly kind: Kind
  readonly data: Uint8Array
}

interface Checkpoint {
  readonly id: number
  readonly offset: number
}

export class EventLog {
  readonly path: string
  /** The first events, as long as they are in no file. */
  #early: Event[]
  readonly #checkpoints: Checkpoint[] = [{ id: 0, offset: 0 }]
  #writer: FileHandle | undefined
  #appended: Promise<void> = Promise.resolve()
  #begun = false
  #count = 0
  #bytes = 0
  #last: Event | undefined
  readonly #recent = new Recent()
  #changed = Promise.withResolvers<void>()

  private constructor(path: string, early: readonly Event[]) {
    this.path = path
    this.#early = [...early]
  }

  /** The log of a workload that waits. */
  static waiting(path: string, first: Event): EventLog {
    return new EventLog(path, [first])
  }

  /** The log of a workload that has ended. A file that lacks the last event is read as if it had it. */
  static async ended(path: string, o: { early: readonly Event[]; last: Event }): Promise<EventLog> {
    const log = new EventLog(path, o.early)
    const file = await openExisting(path, 'r')
    log.#bytes = (await file?.stat())?.size ?? 0
    await file?.close()
    log.#last = o.last
    return log
  }

  get bytes(): number {
    return this.#bytes
  }

  /** From now on events can be appended. */
  start(): void {
    this.#begun = true
    this.#count = this.#early.length
  }

  /**
   * Goes on with what another process wrote and tells what is in the file. A last entry that is cut off is removed, as is
   * an `end`: only the store knows whether a workload has ended. `early`: what that process may have shown without a file.
   */
  async resume(early: readonly Event[], onEntry: (event: Event) => void): Promise<void> {
    const file = await openExisting(this.path, 'r+')
    if (file) await this.#restore(file, onEntry)
    this.#begun = true
    if (this.#bytes > 0) this.#writer = file
    else {
      await file?.close()
      await rm(this.path, { force: true })
      this.#early = [...early]
      this.#count = early.length
      this.#notify()
    }
  }

  async #restore(file: FileHandle, onEntry: (event: Event) => void): Promise<void> {
    const { size } = await file.stat()
    for (let whole = true; whole && this.#bytes < size;) {
      whole = false
      for (const event of entriesOf(await readBlock(file, this.#bytes, size))) {
        if (event.kind === 'end') break
        whole = true
        onEntry(event)
        this.#grow(event)
      }
    }
    await file.truncate(this.#bytes)
  }

  /** Of a log that is written by this process: the id of its newest entry. */
  get newest(): number {
    return this.#count
  }

  /** A payload is at most maxEntryBytes. Readers see it once it is on its way to the disk whole; one entry follows another. */
  append(event: Given): Promise<void> {
    const appended = this.#appended.then(() => this.#append(event))
    // Who asked is told of a failure; the next one tries for itself.
    this.#appended = appended.catch(() => undefined)
    return appended
  }

  async #append({ kind, data }: Given): Promise<void> {
    if (!this.#begun) throw new Error(`${this.path}: is not open`)
    if (data.length > maxEntryBytes) throw new Error(`${this.path}: an entry of ${data.length} bytes`)
    if (!this.#writer && kind === 'status') {
      this.#early.push({ kind, data: Buffer.from(data) })
      this.#count += 1
      return this.#notify()
    }
    if (this.#writer) await this.#write(this.#writer, [{ kind, data }])
    else this.#writer = await this.#create([...this.#early, { kind, data }])
    this.#notify()
  }

  async #write(writer: FileHandle, events: readonly Given[]): Promise<void> {
    const pieces = events.flatMap((event): Uint8Array[] => [headerOf(event), event.data])
    await writeWhole(writer, pieces, this.#bytes)
    for (const event of events) this.#grow(event)
  }

  /** Makes the file, and its folder, with the first output and what came before. */
  async #create(events: readonly Given[]): Promise<FileHandle> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    const writer = await open(this.path, 'wx', 0o600)
    const early = this.#count
    try {
      this.#count = 0
      await this.#write(writer, events)
      return writer
    } catch (error) {
      // The next one begins it anew.
      this.#count = early
      await writer.close()
      await rm(this.path, { force: true })
      throw error
    }
  }

  /** Resolves when all output that was appended is on the disk. */
  async sync(): Promise<void> {
    await this.#writer?.datasync()
  }

  /** The last event, after which nothing comes: readers end when they have read all. */
  async end(last: Event): Promise<void> {
    try {
      if (this.#writer) await this.append(last)
    } finally {
      this.#last = last
      await this.close()
    }
  }

  /** Lets go of the file; the log may be resumed by another process. */
  async close(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    this.#begun = false
    await writer?.close()
    this.#notify()
  }

  /** All entries after the id, then those that come, up to the last event. Rejects when the signal is aborted. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<Entry> {
    let { id, offset } = this.#checkpoints.findLast((point) => point.id <= after) ?? { id: 0, offset: 0 }
    let kind: Kind | undefined
    let seen = after
    let file: FileHandle | undefined
    const fromFile = async (at: number) => {
      file ??= await open(this.path, 'r')
      return entriesOf(await readBlock(file, at, this.#bytes))
    }
    using _following = this.#recent.follow()
    try {
      for (;;) {
        signal.throwIfAborted()
        const changed = this.#changed.promise
        const last = this.#last
        const from = offset
        // What was read here before it came into a file is passed over there.
        for (; this.#bytes === 0 && seen < this.#early.length; seen += 1) {
          const event = this.#early[seen]
          if (event) yield { id: seen + 1, ...event }
        }
        if (offset < this.#bytes) {
          for (const event of this.#recent.after(id) ?? (await fromFile(offset))) {
            id += 1
            offset += headerBytes + event.data.length
            kind = event.kind
            if (id > seen) yield { id, ...event }
          }
        }
        if (offset > from) continue
        if (last) {
          // A power cut leaves half an entry, or takes what the reader has seen: the end is told all the same.
          const due = (offset > 0 ? id : this.#early.length) + 1
          if (kind !== 'end' && due !== after) yield { id: Math.max(due, after + 1), ...last }
          return
        }
        await abortable(changed, signal)
      }
    } finally {
      await file?.close()
    }
  }

  #grow({ kind, data }: Given): void {
    this.#bytes += headerBytes + data.length
    this.#count += 1
    this.#recent.add({ id: this.#count, kind, data })
    if (this.#count % checkpointEvery === 0) this.#checkpoints.push({ id: this.#count, offset: this.#bytes })
  }

  #notify(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}

async function openExisting(path: string, flags: string): Promise<FileHandle | undefined> {
  return open(path, flags).catch((error: unknown) => {
    if (!isMissing(error)) throw error
    return undefined
  })
}

/** $VULCAN_HOME/audit.log: one JSON line for each call that changes something, in files of bounded size and number. */
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { isMissing } from '../base/files.ts'
import type { Call } from './facts.ts'

export interface AuditOptions {
  /** Of the newest file; older ones are path.1, path.2 … */
  readonly path: string
  /** Size at which a new file is begun. */
  readonly fileBytes: number
  /** Files that are kept, the newest included. */
  readonly files: number
  /** Takes what could not be written, and why. */
  readonly log: (error: unknown) => void
}

/** Lines that wait for a slow disk; more are lost, which is said. */
const waitingMost = 10_000

export class AuditLog implements AsyncDisposable {
  readonly #o: AuditOptions
  #file: FileHandle | undefined
  #bytes = 0
  #lines: string[] = []
  #lost = 0
  #busy: Promise<void> | undefined

  constructor(options: AuditOptions) {
    this.#o = options
  }

  /** Writes a line soon; nobody waits for it. */
  write(call: Call): void {
    if (this.#lines.length >= waitingMost) {
      this.#lost += 1
      return
    }
    this.#lines.push(lineOf(call))
    this.#busy ??= this.#work()
  }

  /** Resolves when all that was written is on the disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#busy) await this.#busy
    await this.#file?.sync()
    await this.#file?.close()
    this.#file = undefined
  }

  async #work(): Promise<void> {
    // What is stated in the same turn of the event loop is written together.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#lines.length > 0) {
      const lines = this.#lines
      this.#lines = []
      try {
        for (const chunk of chunksOf(lines, this.#o.fileBytes)) await this.#append(chunk)
      } catch (cause) {
        this.#o.log(new Error(`${this.#o.path}: up to ${lines.length} lines could not be written`, { cause }))
      }
      this.#tellLost()
    }
    this.#busy = undefined
  }

  async #append(chunk: Buffer): Promise<void> {
    const file = await this.#current()
    if (this.#bytes > 0 && this.#bytes + chunk.length > this.#o.fileBytes) {
      await this.#rotate(file)
      return this.#append(chunk)
    }
    await file.appendFile(chunk)
    this.#bytes += chunk.length
  }

  async #current(): Promise<FileHandle> {
    if (this.#file) return this.#file
    this.#file = await open(this.#o.path, 'a', 0o600)
    this.#bytes = (await this.#file.stat()).size
    return this.#file
  }

  async #rotate(file: FileHandle): Promise<void> {
    await file.sync()
    await file.close()
    this.#file = undefined
    const { path, files } = this.#o
    const nth = (n: number) => (n === 0 ? path : `${path}.${n}`)
    await rm(nth(files - 1), { force: true })
    for (let n = files - 2; n >= 0; n -= 1) await renameIfThere(nth(n), nth(n + 1))
  }

  #tellLost(): void {
    if (this.#lost === 0) return
    this.#o.log(new Error(`${this.#o.path}: ${this.#lost} lines were lost, the disk being slow`))
    this.#lost = 0
  }
}

function lineOf({ at, request, key, address, method, route, subject, status, code }: Call): string {
  const who = key && { key: key.id, key_name: key.name }
  const time = new Date(at).toISOString()
  return `${JSON.stringify({ time, request, ...who, address, method, route, subject, status, code })}\n`
}

/** Lines joined up to the size of a file, so that no file grows beyond it. */
function* chunksOf(lines: readonly string[], most: number): Generator<Buffer> {
  let text = ''
  for (const line of lines) {
    if (text !== '' && Buffer.byteLength(text) + Buffer.byteLength(line) > most) {
      yield Buffer.from(text)
      text = ''
    }
    text += line
  }
  yield Buffer.from(text)
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

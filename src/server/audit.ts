/** $VULCAN_HOME/audit.log: one JSON line for each call that changes something, in files of bounded size and number. */
import { closeSync, fstatSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
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

export class AuditLog implements Disposable {
  readonly #o: AuditOptions
  #file: number | undefined
  #bytes = 0

  constructor(options: AuditOptions) {
    this.#o = options
  }

  /**
   * The line is the kernel's when this returns, so that the end of this process loses none. It takes some microseconds; on a
   * disk so slow that it took longer, the store would have waited for longer still.
   */
  write(call: Call): void {
    try {
      this.#append(Buffer.from(lineOf(call)))
    } catch (cause) {
      this.#o.log(new Error(`${this.#o.path}: a line could not be written`, { cause }))
    }
  }

  [Symbol.dispose](): void {
    if (this.#file === undefined) return
    const file = this.#file
    this.#file = undefined
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }

  #append(line: Buffer): void {
    let file = this.#current()
    if (this.#bytes > 0 && this.#bytes + line.length > this.#o.fileBytes) {
      this.#rotate()
      file = this.#current()
    }
    this.#bytes += line.length
    for (let at = 0; at < line.length;) at += writeSync(file, line, at)
  }

  #current(): number {
    if (this.#file !== undefined) return this.#file
    this.#file = openSync(this.#o.path, 'a', 0o600)
    this.#bytes = fstatSync(this.#file).size
    return this.#file
  }

  #rotate(): void {
    this[Symbol.dispose]()
    const { path, files } = this.#o
    const nth = (n: number) => (n === 0 ? path : `${path}.${n}`)
    rmSync(nth(files - 1), { force: true })
    for (let n = files - 2; n >= 0; n -= 1) renameIfThere(nth(n), nth(n + 1))
  }
}

function lineOf({ at, request, key, address, method, route, subject, status, code }: Call): string {
  const who = key && { key: key.id, key_name: key.name }
  const time = new Date(at).toISOString()
  return `${JSON.stringify({ time, request, ...who, address, method, route, subject, status, code })}\n`
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

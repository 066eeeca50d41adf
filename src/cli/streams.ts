/** The three streams that a command talks through: the process's own, or others in tests. */
import type { Readable, Writable } from 'node:stream'
import type { Screen } from './terminal.ts'

export interface Output extends Writable {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export interface Streams {
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
}

/** Writes and resolves when it was taken, so that a slow reader slows the writer. Rejects when the reader has gone. */
export type Print = (data: string | Uint8Array) => Promise<void>

export function printTo(stream: Output): Print {
  // The write below tells of the failure; without a listener the same failure would end the process as well.
  if (stream.listenerCount('error') === 0) stream.on('error', toldAlready)
  return (data) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    stream.write(data, (error) => (error ? reject(error) : resolve()))
    return promise
  }
}

const toldAlready = (): void => undefined

/** Columns of the terminal behind a stream: what the user asks for, else what it says; undefined without a terminal. */
export function widthBehind(stream: Output, asked: number | undefined): number | undefined {
  // A terminal that does not know its size says 0.
  return stream.isTTY ? (asked ?? (stream.columns || 80)) : undefined
}

/** A stream as something to show progress on. */
export function screenOn(stream: Output, asked: number | undefined): Screen {
  return {
    get isTerminal() {
      return stream.isTTY === true
    },
    get columns() {
      return widthBehind(stream, asked) ?? 80
    },
    write: (text) => void stream.write(text),
  }
}

/** Entries of a log, and how they lie in its file: kind (1 byte), length (4 bytes, big-endian), payload. */
import type { FileHandle } from 'node:fs/promises'

/** In the order of their numbers in files. */
const kinds = ['status', 'stdout', 'stderr', 'end', 'denied'] as const
export type Kind = (typeof kinds)[number]

export interface Event {
  readonly kind: Kind
  readonly data: Buffer
}

export interface Entry extends Event {
  readonly id: number
}

export const headerBytes = 5
const blockBytes = 256 << 10
/** Largest payload: a reader's block always holds an entry. */
export const maxEntryBytes = 64 << 10

export function headerOf({ kind, data }: { readonly kind: Kind; readonly data: Uint8Array }): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt8(kinds.indexOf(kind), 0)
  header.writeUInt32BE(data.length, 1)
  return header
}

export async function readBlock(file: FileHandle, offset: number, end: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(Math.min(blockBytes, end - offset))
  const { bytesRead } = await file.read(block, 0, block.length, offset)
  if (bytesRead === 0) throw new Error(`the log ends at ${offset}, before its ${end} bytes`)
  return block.subarray(0, bytesRead)
}

/** The entries that are whole in a block. */
export function* entriesOf(block: Buffer): Generator<Event> {
  for (let at = 0; at + headerBytes <= block.length;) {
    const length = block.readUInt32BE(at + 1)
    const end = at + headerBytes + length
    if (end > block.length) return
    yield { kind: kinds[block.readUInt8(at)] ?? 'status', data: block.subarray(at + headerBytes, end) }
    at = end
  }
}

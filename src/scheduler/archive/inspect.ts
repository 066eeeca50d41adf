/** Looks into an archive on the host without unpacking it: its format, whether it is safe, where its program begins. */
import { open } from 'node:fs/promises'
import { VulcanError } from '../../api/errors.ts'
import type { ArchiveFormat } from '../../backend/backend.ts'
import { Collector, type ArchiveEntry, type Bounds } from './entries.ts'
import { readTar } from './tar.ts'
import { readZip } from './zip.ts'

export interface Inspected {
  readonly format: ArchiveFormat
  readonly entries: readonly ArchiveEntry[]
}

/** Rejects with archive_corrupt, archive_unsafe or archive_too_large. */
export async function inspect(path: string, bounds: Bounds, signal: AbortSignal): Promise<Inspected> {
  const format = formatOf(await beginningOf(path))
  if (!format) throw corrupt('it is none of tar, tar.gz, tar.zst and zip')
  const collector = new Collector(bounds)
  try {
    if (format === 'zip') await readZip(path, { collector, signal })
    else await readTar(path, { format, collector, signal })
  } catch (error) {
    if (error instanceof VulcanError) throw error
    signal.throwIfAborted()
    // A file of ours that cannot be read is our fault, not the archive's.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error
    throw corrupt(`as ${format} it cannot be read: ${(error as Error).message}`, error)
  }
  if (collector.entries.length === 0) throw corrupt(`as ${format} it holds nothing`)
  return { format, entries: collector.entries }
}

/** The format by its first bytes; names say nothing reliable. */
export function formatOf(bytes: Buffer): ArchiveFormat | undefined {
  const starts = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte)
  if (starts(0x1f, 0x8b)) return 'tar.gz'
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'tar.zst'
  // The second is a zip file without entries.
  if (starts(0x50, 0x4b, 3, 4) || starts(0x50, 0x4b, 5, 6)) return 'zip'
  return bytes.toString('latin1', 257, 262) === 'ustar' || isOldTar(bytes) ? 'tar' : undefined
}

/** A tar header from before POSIX has no magic, but its checksum is right. */
function isOldTar(bytes: Buffer): boolean {
  if (bytes.length < 512) return false
  const told = Number.parseInt(bytes.toString('latin1', 148, 156), 8)
  let sum = 8 * 0x20
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += bytes[i] as number
  return told === sum
}

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function corrupt(why: string, cause?: unknown): VulcanError {
  return new VulcanError('archive_corrupt', `the archive cannot be read: ${why}`, { cause })
}

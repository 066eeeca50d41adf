/** Reads the entries of a tar stream, decompressed on the way, without keeping or writing what they hold. */
import { createReadStream } from 'node:fs'
import { PassThrough, Transform, Writable, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import type { ArchiveFormat } from '../../backend/backend.ts'
import { contentLimit, wantsContent, type ArchiveEntry, type Collector } from './entries.ts'

/** Rejects with the collector's VulcanError, or with a plain error when the archive cannot be read. */
export async function readTar(
  path: string,
  o: { format: ArchiveFormat; collector: Collector; signal: AbortSignal },
): Promise<void> {
  const { collector, signal } = o
  await pipeline(createReadStream(path), decompressor(o.format), bounded(collector), parser(collector), { signal })
}

function decompressor(format: ArchiveFormat): Transform {
  if (format === 'tar.gz') return createGunzip()
  return format === 'tar.zst' ? createZstdDecompress() : new PassThrough()
}

/** Counts what comes out of the decompressor: headers and padding too, which a bomb could be made of. */
function bounded(collector: Collector): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      try {
        collector.grow(chunk.length)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
}

function parser(collector: Collector): Writable {
  let failed: Error | undefined
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      try {
        readEntry(entry, (seen) => collector.add(seen))
      } catch (error) {
        failed ??= error as Error
        entry.resume()
      }
    },
  })
  parser.on('error', (error: Error) => (failed ??= error))
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const goOn = () => done(failed)
      if (parser.write(chunk) || failed) goOn()
      else parser.once('drain', goOn)
    },
    final(done) {
      parser.once('end', () => done(failed))
      parser.once('error', () => done(failed))
      parser.end()
    },
  })
}

const kindOf: Readonly<Record<string, ArchiveEntry['kind']>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Directory: 'directory',
  GNUDumpDir: 'directory',
  SymbolicLink: 'symlink',
  Link: 'hardlink',
}

function readEntry(entry: ReadEntry, add: (entry: ArchiveEntry) => void): void {
  const seen: ArchiveEntry = {
    path: entry.path,
    kind: kindOf[entry.type] ?? 'other',
    // Its bytes were counted as they came out of the decompressor.
    bytes: 0,
    ...(entry.linkpath ? { target: entry.linkpath } : {}),
  }
  if (seen.kind !== 'file' || !wantsContent(entry.path)) {
    add(seen)
    entry.resume()
    return
  }
  const parts: Buffer[] = []
  let bytes = 0
  entry.on('data', (chunk: Buffer) => {
    if (bytes < contentLimit) parts.push(Buffer.from(chunk))
    bytes += chunk.length
  })
  entry.on('end', () => add({ ...seen, content: Buffer.concat(parts).toString('utf8', 0, contentLimit) }))
}

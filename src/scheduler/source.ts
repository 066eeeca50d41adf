/** The program of a request, made ready to be handed to a backend: text as it is, an archive as a checked file. */
import { rename, writeFile } from 'node:fs/promises'
import { InvalidBody } from '../api/problem.ts'
import type { Runtime } from '../api/runtimes.ts'
import type { WorkloadRequest } from '../api/workload.ts'
import { VulcanError } from '../api/errors.ts'
import type { Source } from '../backend/backend.ts'
import { entrypointOf } from './archive/entrypoint.ts'
import { inspect } from './archive/inspect.ts'

/** An archive that was uploaded to a file of ours; whoever takes it moves it away. */
export interface Upload {
  readonly path: string
  readonly bytes: number
}

export interface Prepared {
  readonly source: Source
  readonly entrypoint: string
}

/** Entries of an archive; more is a bomb. */
const maxEntries = 100_000

export interface Preparing {
  readonly runtime: Runtime
  readonly upload?: Upload | undefined
  /** Where an archive is kept until the run has ended. */
  readonly archivePath: string
  readonly archiveBytes: number
  /** Bytes an archive may hold unpacked. */
  readonly unpackedBytes: number
  readonly signal: AbortSignal
}

/** Rejects with a VulcanError that names what is wrong with the archive. */
export async function prepare(request: WorkloadRequest, o: Preparing): Promise<Prepared> {
  if (request.code !== undefined) {
    const name = request.entrypoint ?? o.runtime.mainFile
    return { source: { kind: 'code', name, content: Buffer.from(request.code) }, entrypoint: name }
  }
  try {
    const bytes = o.upload ? await take(o.upload, o.archivePath) : await decode(request.code_archive ?? '', o)
    if (bytes === 0) throw new VulcanError('archive_corrupt', 'the archive is empty')
    const bounds = { maxEntries, maxBytes: o.unpackedBytes }
    const { format, entries } = await inspect(o.archivePath, bounds, o.signal)
    const entrypoint = entrypointOf(entries, o.runtime, request.entrypoint)
    return { source: { kind: 'archive', format, path: o.archivePath, bytes }, entrypoint }
  } catch (error) {
    throw atField(error, o.upload ? '/archive' : '/code_archive')
  }
}

/** Who looks into an archive does not know in which field it came. */
function atField(error: unknown, field: string): unknown {
  if (!(error instanceof VulcanError) || error.field !== undefined) return error
  const { code, message, hint, step, cause } = error
  return new VulcanError(code, message, { field, hint, step, cause })
}

async function take(upload: Upload, path: string): Promise<number> {
  await rename(upload.path, path)
  return upload.bytes
}

async function decode(base64: string, o: Preparing): Promise<number> {
  let bytes: Uint8Array
  try {
    bytes = Uint8Array.fromBase64(base64)
  } catch {
    throw new InvalidBody([{ path: '/code_archive', message: 'is not base64' }])
  }
  if (bytes.length > o.archiveBytes) {
    throw new VulcanError(
      'archive_too_large',
      `the archive has ${bytes.length} bytes; at most ${o.archiveBytes} are taken`,
    )
  }
  await writeFile(o.archivePath, bytes, { mode: 0o600 })
  return bytes.length
}

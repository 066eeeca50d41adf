/** A run's source on its way into the guest. */
import { createReadStream } from 'node:fs'
import type { RunSpec } from '../backend/backend.ts'
import type { Session } from './agent.ts'
import { answering } from './greet.ts'

/** Most files of an archive; more is a bomb. */
const maxFiles = 100_000

/** As `upload`, for a vm that waited: one that has stopped meanwhile, of which nothing has told, is a DeadlineExceeded. */
export async function uploadToReady(session: Session, spec: RunSpec, signal: AbortSignal): Promise<void> {
  if (spec.source.kind === 'code') {
    await answering(signal, (inner) => upload(session, spec, inner))
    return
  }
  // An archive may take its time, the answer to a ping may not.
  await answering(signal, (inner) => session.request({ op: 'ping' }, inner))
  await upload(session, spec, signal)
}

/** Puts a run's file or archive into its guest, which unpacks it. */
export async function upload(session: Session, spec: RunSpec, signal: AbortSignal): Promise<void> {
  const { source } = spec
  if (source.kind === 'code') {
    await session.upload({ op: 'write', path: source.name, mode: 0o644 }, [source.content], signal)
    return
  }
  const request = {
    op: 'unpack',
    format: source.format,
    max_bytes: spec.resources.diskMib * (1 << 20),
    max_files: maxFiles,
  }
  await session.upload(request, createReadStream(source.path, { highWaterMark: 256 << 10 }), signal)
}

/** A run's source on its way into the guest. */
import { createReadStream } from 'node:fs'
import type { RunSpec } from '../backend/backend.ts'
import type { Session } from './agent.ts'

/** Most files of an archive; more is a bomb. */
const maxFiles = 100_000

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

/** A run's source on its way into the guest: code with its start, an archive before it. */
import { createReadStream } from 'node:fs'
import type { RunSpec } from '../backend/backend.ts'
import type { Session } from './agent.ts'
import { answering } from './greet.ts'
import type { Phases } from './phases.ts'
import type { Bring } from './program.ts'

/** Most files of an archive; more is a bomb. */
const maxFiles = 100_000

export interface Uploading {
  readonly spec: RunSpec
  readonly phases: Phases
  readonly signal: AbortSignal
}

/**
 * As `unpackFirst`, for a vm that waited: one that has stopped meanwhile, of which nothing has told, is a DeadlineExceeded.
 * It is asked before anything of the run is sent, so that another can have it.
 */
export async function askFirst(session: Session, o: Uploading): Promise<void> {
  // An archive may take its time, the answer to a ping may not.
  await o.phases.time('upload', () => answering(o.signal, (inner) => session.request({ op: 'ping' }, inner)))
  await unpackFirst(session, o)
}

/** Puts a run's archive into its guest, which unpacks it: all of it or nothing. Code needs no such look, and waits for its start. */
export async function unpackFirst(session: Session, { spec, phases, signal }: Uploading): Promise<void> {
  const { source } = spec
  if (source.kind === 'code') return
  const request = {
    op: 'unpack',
    format: source.format,
    max_bytes: spec.resources.diskMib * (1 << 20),
    max_files: maxFiles,
  }
  const content = createReadStream(source.path, { highWaterMark: 256 << 10 })
  await phases.time('upload', () => session.upload(request, content, { signal }))
}

/** Brings a run's code, in one packet with what starts it; undefined where there is none to bring. */
export function bringing(session: Session, { spec, phases }: Pick<Uploading, 'spec' | 'phases'>): Bring | undefined {
  const { source } = spec
  if (source.kind !== 'code') return undefined
  const request = { op: 'write', path: source.name, mode: 0o644 }
  return async (behind, signal) => {
    await phases.time('upload', () => session.upload(request, [source.content], { signal, behind }))
  }
}

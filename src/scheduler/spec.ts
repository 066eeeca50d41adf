/** A run's spec as the text that the store keeps: what another process needs to run it. Pure. */
import type { RunSpec } from '../backend/backend.ts'

/** Bytes as what they are here: text where they are text, base64 elsewhere. */
type Kept = { readonly text: string } | { readonly base64: string }

type Whole = Omit<RunSpec, 'id' | 'source' | 'stdin'>

interface SpecText extends Whole {
  readonly source:
    | { readonly kind: 'code'; readonly name: string; readonly content: Kept }
    /** The archive lies in the workload's folder, wherever that is now. */
    | { readonly kind: 'archive'; readonly format: 'tar' | 'tar.gz' | 'tar.zst' | 'zip'; readonly bytes: number }
  readonly stdin?: Kept
}

export function textOfSpec({ id: _id, source, stdin, ...rest }: RunSpec): string {
  const kept: SpecText = {
    ...rest,
    source:
      source.kind === 'code'
        ? { kind: 'code', name: source.name, content: keep(source.content) }
        : { kind: 'archive', format: source.format, bytes: source.bytes },
    ...(stdin !== undefined && { stdin: keep(stdin) }),
  }
  return JSON.stringify(kept)
}

/** `archivePath`: where the workload's archive lies, if it has one. */
export function specOfText(text: string, { id, archivePath }: { id: string; archivePath: string }): RunSpec {
  const { source, stdin, ...rest } = JSON.parse(text) as SpecText
  return {
    ...rest,
    id,
    source:
      source.kind === 'code'
        ? { kind: 'code', name: source.name, content: bytesOf(source.content) }
        : { ...source, path: archivePath },
    ...(stdin !== undefined && { stdin: bytesOf(stdin) }),
  }
}

function keep(bytes: Uint8Array): Kept {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = buffer.toString('utf8')
  return Buffer.from(text).equals(buffer) ? { text } : { base64: buffer.toString('base64') }
}

function bytesOf(kept: Kept): Uint8Array {
  return 'text' in kept ? Buffer.from(kept.text) : Buffer.from(kept.base64, 'base64')
}

/** Archives for tests, hostile ones too: headers of tar by hand, since honest tools refuse to write them. */
import { execFileSync } from 'node:child_process'
import { mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VulcanError } from '../../api/errors.ts'
import { inspect } from './inspect.ts'

export interface TarEntry {
  readonly path: string
  readonly content?: string
  /** Type flag of ustar: 0 file, 1 hard link, 2 symbolic link, 3 device, 5 folder, 6 pipe. */
  readonly type?: string
  readonly target?: string
}

export function tarOf(entries: readonly TarEntry[]): Buffer<ArrayBuffer> {
  return Buffer.concat([
    ...entries.flatMap((entry) => [header(entry), padded(entry.content ?? '')]),
    Buffer.alloc(1024),
  ])
}

function header({ path, content = '', type = '0', target = '' }: TarEntry): Buffer {
  const block = Buffer.alloc(512)
  block.write(path, 0, 100)
  block.write('0000644\0', 100)
  block.write('0001750\0', 108)
  block.write('0001750\0', 116)
  block.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write(' '.repeat(8), 148)
  block.write(type, 156)
  block.write(target, 157, 100)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function padded(content: string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** Bounds of archives in tests. */
export const bounds = { maxEntries: 100, maxBytes: 1 << 20 }

/** Looks into an archive as a server does that was handed it. */
export async function look(bytes: Buffer, more: Partial<typeof bounds> = {}) {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'vulcan-archive-'))
  const path = join(folder.path, 'archive')
  writeFileSync(path, bytes)
  return await inspect(path, { ...bounds, ...more }, AbortSignal.timeout(10_000))
}

/** What became of it, as a line: the code of an error and its words. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof VulcanError ? `${error.code}: ${error.message}` : String(error)),
  )

/** A zip made by Python's own module, with names and modes as given. */
export function zipOf(entries: readonly { name: string; content?: string; mode?: number }[]): Buffer {
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_DEFLATED) as out:
    for entry in json.load(sys.stdin):
        info = zipfile.ZipInfo(entry['name']); info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3; info.external_attr = entry.get('mode', 0o100644) << 16
        out.writestr(info, entry.get('content', ''))`
  return execFileSync('python3', ['-c', script], { input: JSON.stringify(entries) })
}

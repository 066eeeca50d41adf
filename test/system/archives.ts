/** Archives for tests, hostile ones too: headers written by hand, since honest tools refuse to. */
import { gzipSync } from 'node:zlib'

interface Entry {
  readonly name: string
  readonly content?: string
  /** Type flag of ustar: 0 file, 1 hard link, 2 symbolic link, 3 character device, 5 folder, 6 fifo. */
  readonly type?: '0' | '1' | '2' | '3' | '5' | '6'
  readonly target?: string
}

/** A tar.gz of honest files. */
export function archiveOf(files: Readonly<Record<string, string>>): Promise<Buffer<ArrayBuffer>> {
  return Promise.resolve(tarGz(Object.entries(files).map(([name, content]) => ({ name, content }))))
}

/** A tar.gz of whatever entries, honest or not. */
export function tarGz(entries: readonly Entry[]): Buffer<ArrayBuffer> {
  const blocks = entries.flatMap((entry) => [header(entry), body(entry.content ?? '')])
  return Buffer.from(gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)])))
}

function header(entry: Entry): Buffer {
  const block = Buffer.alloc(512)
  const size = Buffer.byteLength(entry.content ?? '')
  block.write(entry.name, 0, 100)
  block.write('0000644\0', 100)
  block.write('0001750\0', 108)
  block.write('0001750\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(entry.type ?? '0', 156)
  block.write(entry.target ?? '', 157, 100)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function body(content: string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

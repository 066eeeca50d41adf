/** Tar archives for tests, hostile ones too: headers by hand, since honest tools refuse to write them. */

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

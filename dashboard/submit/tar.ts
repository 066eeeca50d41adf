/** Files packed into a tar, and the names in one: POSIX ustar, with pax headers for names that do not fit. Pure. */

export interface PackedFile {
  /** Relative, with `/` between folders. */
  readonly path: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const block = 512
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The parts of a tar of those files, to be made into a Blob; the files are not copied. */
export function tarOf(files: readonly PackedFile[]): Uint8Array<ArrayBuffer>[] {
  const parts = files.flatMap(({ path, bytes }) => [
    ...(fits(path) ? [] : paxOf(path)),
    headerOf({ path: fits(path) ? path : `long/${path.length}`, size: bytes.length, type: '0' }),
    bytes,
    padding(bytes.length),
  ])
  return [...parts, new Uint8Array(2 * block)]
}

// oxlint-disable-next-line no-control-regex
const fits = (path: string): boolean => path.length <= 100 && /^[\u0020-\u007E]*$/.test(path)

const padding = (size: number): Uint8Array<ArrayBuffer> => new Uint8Array((block - (size % block)) % block)

/** An extended header that gives the next entry its whole name. */
function paxOf(path: string): Uint8Array<ArrayBuffer>[] {
  const content = encoder.encode(`path=${path}\n`).length
  // The length counts itself, its blank included.
  let length = content + 2
  while (String(length).length + 1 + content > length) length += 1
  const record = encoder.encode(`${length} path=${path}\n`)
  return [headerOf({ path: 'pax', size: record.length, type: 'x' }), record, padding(record.length)]
}

function headerOf({ path, size, type }: { path: string; size: number; type: '0' | 'x' }): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(block)
  const put = (at: number, text: string) => header.set(encoder.encode(text), at)
  put(0, path)
  put(100, '0000644\0')
  put(108, '0000000\0')
  put(116, '0000000\0')
  put(124, `${size.toString(8).padStart(11, '0')}\0`)
  put(136, '00000000000\0')
  put(148, '        ')
  put(156, type)
  put(257, 'ustar\u000000')
  const sum = header.reduce((total, byte) => total + byte, 0)
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `)
  return header
}

/** Names of the files in a tar, as far as it can be read; of what is cut off the rest is missing. */
export function namesInTar(tar: Uint8Array): string[] {
  const names: string[] = []
  let long: string | undefined
  for (let at = 0; at + block <= tar.length;) {
    const header = tar.subarray(at, at + block)
    if (header[0] === 0) break
    const size = Number.parseInt(textIn(header, 124, 12), 8) || 0
    const type = String.fromCharCode(header[156] ?? 0)
    const content = tar.subarray(at + block, at + block + size)
    if (type === 'x') long = /\d+ path=([^\n]*)\n/.exec(decoder.decode(content))?.[1]
    else if (type === 'L') long = textIn(content, 0, size)
    else {
      const prefix = textIn(header, 257, 5) === 'ustar' ? textIn(header, 345, 155) : ''
      const name = long ?? (prefix === '' ? '' : `${prefix}/`) + textIn(header, 0, 100)
      if (type === '0' || type === '\0') names.push(name)
      long = undefined
    }
    at += block + Math.ceil(size / block) * block
  }
  return names
}

function textIn(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length)
  const end = field.indexOf(0)
  return decoder.decode(end < 0 ? field : field.subarray(0, end)).trim()
}

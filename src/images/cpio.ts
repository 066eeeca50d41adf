/** Archives in the `newc` format of cpio, which the kernel unpacks as its initramfs. Pure: entries in, bytes out. */

export type CpioEntry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'characters'; readonly path: string; readonly mode: number; readonly major: number; readonly minor: number } // prettier-ignore

const typeBits = { file: 0o100000, folder: 0o040000, link: 0o120000, characters: 0o020000 } as const
/** The kernel skips padding up to here between archives; loaders like whole sectors. */
const blockBytes = 512

/** The archive of these entries, all owned by root, with time 0; the same entries give the same bytes. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => member(entry, index + 1))
  parts.push(...record({ ino: 0, mode: 0, nlink: 1, device: [0, 0], path: 'TRAILER!!!', data: new Uint8Array() }))
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  parts.push(Buffer.alloc(padding(length, blockBytes)))
  return Buffer.concat(parts)
}

function member(entry: CpioEntry, ino: number): Uint8Array[] {
  const mode = typeBits[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode)
  return record({
    ino,
    mode,
    nlink: entry.kind === 'folder' ? 2 : 1,
    device: entry.kind === 'characters' ? [entry.major, entry.minor] : [0, 0],
    path: entry.path,
    data: entry.kind === 'file' ? entry.data : entry.kind === 'link' ? Buffer.from(entry.target) : new Uint8Array(),
  })
}

interface Record {
  readonly ino: number
  readonly mode: number
  readonly nlink: number
  readonly device: readonly [major: number, minor: number]
  readonly path: string
  readonly data: Uint8Array
}

function record(of: Record): Uint8Array[] {
  const name = Buffer.from(`${of.path}\0`)
  const [uid, gid, mtime, devMajor, devMinor, check] = [0, 0, 0, 0, 0, 0]
  const fields = [of.ino, of.mode, uid, gid, of.nlink, mtime, of.data.length, devMajor, devMinor, ...of.device, name.length, check] // prettier-ignore
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  const aligned = 4
  return [
    head,
    name,
    Buffer.alloc(padding(head.length + name.length, aligned)),
    of.data,
    Buffer.alloc(padding(of.data.length, aligned)),
  ]
}

function padding(length: number, alignment: number): number {
  return (alignment - (length % alignment)) % alignment
}

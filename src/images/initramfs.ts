/** The initramfs of a vm or of the machine: an init, and the kernel's modules in the order to load them. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, sha256, sha256File } from '../base/files.ts'
import { cpio, type CpioEntry } from './cpio.ts'
import { ensureEntry, type Entry, type Workplace } from './shelf.ts'

/** Changed when the archive is laid out differently. */
const builderVersion = 1

export interface InitramfsParts {
  /** Path of the static binary that becomes /init. */
  readonly init: string
  /** Folder of `.ko` files with `order`, one file name a line; absent for a kernel with everything built in. */
  readonly modules?: string
}

/**
 * The archive: /init, /modules with its order, mount points and /dev/console. It is not compressed: the kernel
 * would spend longer on unpacking a few megabytes than the loader spends on reading them.
 */
export async function buildInitramfs(parts: InitramfsParts): Promise<Buffer> {
  const folders = ['dev', 'proc', 'sys', 'run', 'modules'].map((path): CpioEntry => ({ kind: 'folder', path, mode: 0o755 })) // prettier-ignore
  const order = parts.modules === undefined ? '' : await readFile(join(parts.modules, 'order'), 'utf8')
  const modules: CpioEntry[] = []
  for (const name of order.split('\n').filter(Boolean)) {
    const data = await readFile(join(parts.modules ?? '', name))
    modules.push({ kind: 'file', path: `modules/${name}`, mode: 0o644, data })
  }
  return cpio([
    ...folders,
    { kind: 'characters', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'characters', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
    { kind: 'file', path: 'init', mode: 0o755, data: await readFile(parts.init) },
    { kind: 'file', path: 'modules/order', mode: 0o644, data: Buffer.from(order) },
    ...modules,
  ])
}

/** The initramfs of a kernel's entry with that init, as an entry of its own: the file `initramfs`. */
export async function ensureInitramfs(
  at: Workplace,
  of: { readonly name: string; readonly kernel: Entry; readonly init: string },
): Promise<Entry> {
  const modules = join(of.kernel.dir, 'modules')
  const kernel = of.kernel.marker
  const inputs = sha256(JSON.stringify([builderVersion, await sha256File(of.init), kernel.key, kernel.inputs]))
  return ensureEntry(at, {
    shelf: 'assets',
    name: of.name,
    key: inputs.slice(0, 12),
    inputs,
    title: `building the ${of.name}`,
    make: async (dir) => {
      const parts = { init: of.init, ...((await exists(modules)) ? { modules } : {}) }
      await writeFile(join(dir, 'initramfs'), await buildInitramfs(parts))
      return { kernel: String(kernel.details['version']) }
    },
  })
}

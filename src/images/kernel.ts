/** Kernels as Debian ships them: the ELF inside a bzImage, and the modules that a list of names needs, in load order. */
import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { VulcanError } from '../api/errors.ts'
import { run } from '../base/process.ts'
import { walk } from './walk.ts'

/** Offsets in the setup header of a bzImage (Linux' x86 boot protocol 2.08 and later). */
const header = { setupSectors: 0x1f1, magic: 0x202, payloadOffset: 0x248, payloadBytes: 0x24c } as const
const sectorBytes = 512

/** The uncompressed ELF kernel in a bzImage. Throws asset_corrupt for anything else. */
export async function extractVmlinux(bzImage: Buffer): Promise<Buffer> {
  if (bzImage.length < 0x250 || bzImage.toString('latin1', header.magic, header.magic + 4) !== 'HdrS') {
    throw new VulcanError('asset_corrupt', 'the kernel is no bzImage (no HdrS header)', { step: 'kernel' })
  }
  const sectors = bzImage.readUInt8(header.setupSectors) || 4
  const begin = (sectors + 1) * sectorBytes + bzImage.readUInt32LE(header.payloadOffset)
  const payload = bzImage.subarray(begin, begin + bzImage.readUInt32LE(header.payloadBytes))
  const elf = await decompress(payload)
  if (elf.toString('latin1', 0, 4) !== '\u007fELF') {
    throw new VulcanError('asset_corrupt', 'the payload of the kernel is no ELF file', { step: 'kernel' })
  }
  return elf
}

/** All but gzip have the size of the ELF appended (4 bytes), which is no part of the compressed stream. */
async function decompress(payload: Buffer): Promise<Buffer> {
  const magic = payload.toString('hex', 0, 6)
  if (magic.startsWith('28b52ffd')) return zstdDecompressSync(payload.subarray(0, -4))
  if (magic.startsWith('1f8b')) return gunzipSync(payload)
  if (magic === 'fd377a585a00') return unxz(payload.subarray(0, -4))
  throw new VulcanError('asset_corrupt', `the kernel is compressed in a way Vulcan does not know (${magic})`, {
    step: 'kernel',
  })
}

/** Through a file, since commands give back text. */
async function unxz(payload: Buffer): Promise<Buffer> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-kernel-'))
  const file = join(folder.path, 'payload.xz')
  await writeFile(file, payload)
  await run(['xz', '--decompress', file], { timeoutMs: 60_000 })
  return await readFile(join(folder.path, 'payload'))
}

/** What a module's .modinfo says. Names have underscores. */
export interface ModuleInfo {
  readonly name: string
  readonly depends: readonly string[]
  /** Modules its author wants loaded before it; names of crypto templates and the like are among them. */
  readonly softPre: readonly string[]
}

/** Reads .modinfo out of a module's bytes: zero-terminated `key=value` strings. */
export function moduleInfo(module: Buffer): ModuleInfo {
  const text = module.toString('latin1')
  const value = (key: string) => new RegExp(`(?:^|\\0)${key}=([^\\0]*)\\0`).exec(text)?.[1]
  const name = value('name')
  if (name === undefined) throw new VulcanError('asset_corrupt', 'a kernel module has no name', { step: 'modules' })
  const list = (words: string | undefined, separator: RegExp) => (words ?? '').split(separator).filter(Boolean)
  const soft = /pre: (.*?)(?: post:|$)/.exec(value('softdep') ?? '')?.[1]
  return { name, depends: list(value('depends'), /,/).map(canonical), softPre: list(soft, /\s+/).map(canonical) }
}

const signatureMark = '~Module signature appended~\n'
/** A struct module_signature: twelve bytes, the last four of them the length of the signature before it. */
const signatureInfoBytes = 12

/**
 * A module without its appended signature. Kernels that do not enforce signatures load it all the same, and sooner:
 * checking one costs about 50 ms under emulation. Where the module comes from was checked by apt.
 */
export function dropSignature(module: Buffer): Buffer {
  const info = module.length - signatureMark.length - signatureInfoBytes
  if (info < 0 || module.toString('latin1', info + signatureInfoBytes) !== signatureMark) return module
  const begin = info - module.readUInt32BE(info + signatureInfoBytes - 4)
  if (begin < 0)
    throw new VulcanError('asset_corrupt', 'a kernel module is shorter than its signature', { step: 'modules' })
  return module.subarray(0, begin)
}

/** The order in which to load the wanted modules and all they depend on; `info` is asked once for each. */
export async function loadOrder(
  wanted: readonly string[],
  info: (name: string) => Promise<ModuleInfo | undefined>,
): Promise<string[]> {
  const order: string[] = []
  const seen = new Set<string>()
  const visit = async (name: string): Promise<void> => {
    if (seen.has(name)) return
    seen.add(name)
    const found = await info(name)
    if (!found) return
    for (const before of [...found.softPre, ...found.depends]) await visit(before)
    order.push(name)
  }
  for (const name of wanted) await visit(canonical(name))
  return order
}

/**
 * Copies the wanted modules and all they need out of a package's module tree into `to`, uncompressed and unsigned, with a file
 * `order` that names one a line in load order. Names that are built into the kernel are passed over; one that is
 * neither built in nor a file is asset_corrupt.
 */
export async function collectModules(tree: string, wanted: readonly string[], to: string): Promise<string[]> {
  const files = await moduleFiles(tree)
  const builtin = new Set(
    (await readFile(join(tree, 'modules.builtin'), 'utf8')).split('\n').map((path) => moduleName(path)),
  )
  await mkdir(to, { recursive: true })
  const order = await loadOrder(wanted, async (name) => {
    const file = files.get(name)
    if (file) {
      const module = dropSignature(await readModule(file))
      await writeFile(join(to, `${name}.ko`), module)
      return moduleInfo(module)
    }
    if (builtin.has(name) || !wanted.map(canonical).includes(name)) return undefined
    throw new VulcanError('asset_corrupt', `the kernel has no module ${name}`, { step: 'modules' })
  })
  await writeFile(join(to, 'order'), order.map((name) => `${name}.ko\n`).join(''))
  return order
}

async function moduleFiles(tree: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for await (const { path } of walk(tree)) if (/\.ko(\.xz|\.zst|\.gz)?$/.test(path)) files.set(moduleName(path), path)
  return files
}

async function readModule(file: string): Promise<Buffer> {
  const bytes = await readFile(file)
  if (file.endsWith('.xz')) return unxz(bytes)
  if (file.endsWith('.zst')) return zstdDecompressSync(bytes)
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

function moduleName(path: string): string {
  return canonical(basename(path).replace(/\.ko(\.\w+)?$/, ''))
}

/** The kernel treats `-` and `_` in module names alike and reports underscores. */
function canonical(name: string): string {
  return name.replaceAll('-', '_')
}

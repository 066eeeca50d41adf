/** A folder as a read-only ext4 file, without a loop mount. */
import { chmod, lstat, rm, truncate, writeFile } from 'node:fs/promises'
import { CommandFailed, run } from '../base/process.ts'
import { walk } from './walk.ts'

const blockBytes = 4096
const inodeBytes = 256
/** The ten inodes ext4 keeps for itself, lost+found, and room for what a tool may add. */
const spareInodes = 64

export interface TreeSize {
  readonly blocks: number
  readonly inodes: number
}

/** Blocks and inodes that a tree takes in ext4: contents, folders, and an extent block for large files. */
export async function measureTree(root: string): Promise<TreeSize> {
  let blocks = 0
  const seen = new Set<bigint>()
  for await (const { path } of walk(root)) {
    const stat = await lstat(path, { bigint: true })
    if (seen.has(stat.ino)) continue
    seen.add(stat.ino)
    if (stat.isSymbolicLink() && stat.size < 60n) continue
    if (stat.isCharacterDevice() || stat.isBlockDevice()) continue
    blocks += Math.max(1, Math.ceil(Number(stat.size) / blockBytes))
  }
  return { blocks, inodes: seen.size + spareInodes }
}

/** Bytes of a file system for a tree: contents, inode tables, bitmaps, and a few percent for what cannot be foreseen. */
export function imageBytes(size: TreeSize): number {
  const tables = Math.ceil((size.inodes * inodeBytes) / blockBytes)
  const blocks = Math.ceil((size.blocks + tables) * 1.03) + 1024
  const mebibyte = 1 << 20
  return Math.ceil((blocks * blockBytes) / mebibyte) * mebibyte
}

/**
 * Writes a tree into a new ext4 file, owned by root with mode 0444. No journal, since nothing is written to it; its
 * identity comes from `uuid`, so that the same tree makes the same file system.
 */
export async function makeExt4(
  tree: string,
  to: string,
  options: { readonly uuid: string; readonly label: string; readonly signal: AbortSignal },
): Promise<void> {
  const size = await measureTree(tree)
  const bytes = imageBytes(size)
  for (const factor of [1, 1.1, 1.3]) {
    await writeFile(to, '')
    await truncate(to, Math.ceil((bytes * factor) / blockBytes) * blockBytes)
    try {
      await run(mkfs(tree, to, { ...options, inodes: size.inodes }), { signal: options.signal, timeoutMs: 300_000 })
      await chmod(to, 0o444)
      return
    } catch (error) {
      await rm(to, { force: true })
      // The size is an estimate; only a file system that turned out too small is worth another try.
      if (!(error instanceof CommandFailed) || !/could not allocate|no free space/i.test(error.stderr)) throw error
      if (factor === 1.3) throw error
    }
  }
}

function mkfs(
  tree: string,
  to: string,
  options: { uuid: string; label: string; inodes: number },
): [string, ...string[]] {
  const features = '^has_journal,^resize_inode,^metadata_csum,^huge_file,^orphan_file'
  const extended = `hash_seed=${options.uuid},root_owner=0:0,lazy_itable_init=0,nodiscard`
  const sizes = ['-b', String(blockBytes), '-I', String(inodeBytes), '-N', String(options.inodes), '-m', '0']
  const identity = ['-U', options.uuid, '-L', options.label]
  return ['mkfs.ext4', '-q', '-F', '-O', features, '-E', extended, ...sizes, ...identity, '-d', tree, to]
}

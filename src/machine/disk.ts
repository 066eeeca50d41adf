/** The machine's data disk: a sparse file with an ext4 file system, made once and kept. */
import { open, rename, rm } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import { exists } from '../base/files.ts'
import { run } from '../base/process.ts'

/** Makes the disk when there is none; an existing one is left as it is, whatever its size. */
export async function ensureDataDisk(path: string, gib: number): Promise<void> {
  if (await exists(path)) return
  const making = `${path}.new`
  try {
    const file = await open(making, 'w', 0o600)
    try {
      await file.truncate(gib * 2 ** 30)
    } finally {
      await file.close()
    }
    // Lazy: the kernel fills in the tables when it mounts, in the background; nothing is kept back for root.
    const options = 'lazy_itable_init=1,lazy_journal_init=1,nodiscard'
    await run(['mkfs.ext4', '-q', '-F', '-m', '0', '-E', options, making], { timeoutMs: 120_000 })
    await rename(making, path)
  } catch (cause) {
    await rm(making, { force: true })
    throw new VulcanError(
      'machine_failed',
      `the machine's disk ${path} could not be made: ${(cause as Error).message}`,
      {
        step: 'disk',
        cause,
      },
    )
  }
}

/** Leases of host-local: one file for each address, whose first line is the container's id. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { namesIn } from '../../base/files.ts'
import { isAddress } from './addresses.ts'

/** Container ids that hold an address. */
export async function leasedTo(folder: string): Promise<string[]> {
  const leases = (await namesIn(folder)).filter(isAddress)
  return Promise.all(leases.map(async (file) => (await readFile(join(folder, file), 'utf8')).split(/\r?\n/)[0] ?? ''))
}

/** The name servers that this host itself asks: those of its vms, unless the settings name others. */
import { readFile } from 'node:fs/promises'
import { isMissing } from '../../base/files.ts'
import { nameserversOf } from './addresses.ts'

/** systemd-resolved's own address is a loopback one; what it asks stands in a file beside. */
export async function hostNameservers(): Promise<readonly string[]> {
  for (const path of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const found = await readFile(path, 'utf8').then(nameserversOf, (error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    if (found.length > 0) return found
  }
  return []
}

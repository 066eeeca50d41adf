/** Programs of the host that some tests need and no user does. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** True when this program is on the PATH. */
export function installed(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** True where a test may be left out for want of this program. `npm test` gets them all and leaves none out: there it fails. */
export function lacks(name: string): boolean {
  return process.env['VULCAN_REQUIRE_VM'] !== '1' && !installed(name)
}

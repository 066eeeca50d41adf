/** Which build of the program this is, and of what it starts vms with: two with the same content are the same. */
import { createHash } from 'node:crypto'
import { sha256File } from '../base/files.ts'
import { inUse } from '../images/assets.ts'

/** The first 12 hex digits of a sha256 over the program's file and the assets that a server opens at its start. */
export async function buildOf({ program, home }: { program: string; home: string }): Promise<string> {
  const parts = [await sha256File(program), await inUse(home)]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}

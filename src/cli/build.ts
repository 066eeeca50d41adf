/** Which build of the program this is: two with the same content are the same. */
import { sha256File } from '../base/files.ts'

/** The first 12 hex digits of the sha256 of the program's file. */
export async function buildOf(program: string): Promise<string> {
  return (await sha256File(program)).slice(0, 12)
}

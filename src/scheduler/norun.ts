/** Why there is no run, and as what exit that is told. */
import { VulcanError } from '../api/errors.ts'
import type { Exit } from '../backend/backend.ts'
import { wordsOf, type Seen } from './record.ts'

/** `killed`: somebody asked for its end, whatever the error. */
export function exitWithoutRun(error: unknown, { seen, killed }: { seen: Seen; killed: boolean }): Exit {
  if (killed) {
    const when = seen.inherited ? 'while the server took it over from an earlier one' : 'before its program ran'
    return { by: 'killed', message: `killed ${when}` }
  }
  const message = wordsOf(error)
  if (seen.inherited || seen.startedAt !== undefined) return { by: 'vm_lost', message }
  return { by: 'start_failed', message, step: error instanceof VulcanError ? (error.step ?? error.code) : 'internal' }
}

/** Does what may fail before it is known whether its workload lasts; of one that does not, that is the reason, and no other. */
export async function failingAfter<T>(accepted: Promise<unknown> | undefined, start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    await accepted
    throw error
  }
}

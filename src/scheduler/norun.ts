/** Why there is no run, as an exit. Pure. */
import { VulcanError } from '../api/errors.ts'
import type { Exit } from '../backend/backend.ts'
import { wordsOf } from './record.ts'

/** `inherited`: an earlier process or another node had claimed it, where it may have run; `started`: it is known to have run. */
export function exitWithoutRun(error: unknown, o: { killed: boolean; inherited: boolean; started: boolean }): Exit {
  if (o.killed) {
    const when = o.inherited ? 'while the server took it over from an earlier one' : 'before its program ran'
    return { by: 'killed', message: `killed ${when}` }
  }
  const message = wordsOf(error)
  if (o.inherited || o.started) return { by: 'vm_lost', message }
  return { by: 'start_failed', message, step: error instanceof VulcanError ? (error.step ?? error.code) : 'internal' }
}

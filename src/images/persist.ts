/** Work that needs a registry or a mirror: these have short outages, and a set-up should not end by one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandFailed } from '../base/process.ts'
import type { Workplace } from './shelf.ts'

export interface Persistence {
  /** Milliseconds to wait before each further attempt; as many attempts more as there are pauses. */
  readonly pausesMs?: readonly number[]
  /** Whether another attempt may end otherwise; true for every command that failed unless told. */
  readonly hopeful?: (failed: CommandFailed) => boolean
}

/** Does it, and once more after a pause where a command of it failed. The last failure is thrown as it came. */
export async function persist<T>(at: Workplace, act: () => Promise<T>, o: Persistence = {}): Promise<T> {
  for (const pauseMs of o.pausesMs ?? [3000, 15_000]) {
    try {
      return await act()
    } catch (error) {
      const again = error instanceof CommandFailed && (error.why === 'exit' || error.why === 'timeout')
      if (!again || o.hopeful?.(error) === false) throw error
      at.progress.note(`${error.message}; trying again in ${pauseMs / 1000} s`)
      await sleep(pauseMs, undefined, { signal: at.signal })
    }
  }
  return act()
}

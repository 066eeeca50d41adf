/** What tests see of the world outside: waited for, and looked at. */
import { readFile } from 'node:fs/promises'
import { isMissing } from '../../src/base/files.ts'
import { sleep } from '../../src/base/time.ts'

/** Looks until something is seen; rejects with what was not, after a while. Milliseconds. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { withinMs = 90_000, everyMs = 200 } = {},
): Promise<T> {
  const until = Date.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`${what}: not within ${withinMs / 1000} s`)
    await sleep(everyMs)
  }
}

/** True when there is no such process, or only its entry, which whoever adopted it has yet to remove. */
export async function isGone(pid: number): Promise<true | undefined> {
  try {
    return / Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8')) ? true : undefined
  } catch (error) {
    if (isMissing(error)) return true
    throw error
  }
}

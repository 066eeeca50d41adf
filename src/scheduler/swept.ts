import type { Leftover } from '../backend/backend.ts'

/** In words: what had no owner and was removed, and what could not be. Names tell more than numbers. */
export function sweptWords(found: readonly Leftover[]): string {
  const gone = found.filter(({ trouble }) => trouble === undefined)
  const lines = found.map(
    ({ kind, name, owner, trouble }) => `${kind} ${name} of ${owner}${trouble === undefined ? '' : `: ${trouble}`}`,
  )
  return [`removed ${gone.length} of ${found.length} things that had no owner:`, ...lines].join('\n')
}

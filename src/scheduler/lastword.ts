/** The end of a workload on its way to the disk, where it has to arrive. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Exit, Source } from '../backend/backend.ts'
import type { End, Owned } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import { requestBytes } from './asked.ts'
import { statusOf } from './lifecycle.ts'
import type { Given, Seen } from './record.ts'

/** Between tries, in milliseconds; a store that refuses has a full disk as its usual reason. */
const retryMs = { first: 200, most: 10_000 }

/** Tries until the store takes it; false when another owner has had the last word. */
export async function lastWord(
  store: Store,
  owned: Owned,
  o: { end: End; onTrouble: (error: unknown) => void },
): Promise<boolean> {
  for (let waitMs = retryMs.first; ; waitMs = Math.min(2 * waitMs, retryMs.most)) {
    try {
      return await store.finish(owned, o.end)
    } catch (error) {
      o.onTrouble(error)
      await pause(waitMs, undefined, { ref: false })
    }
  }
}

interface Told {
  readonly seen: Seen
  readonly given: Given
  readonly logBytes: number
  /** What was asked for, where that is to be kept. */
  readonly request: { readonly text: string; readonly source: Source } | undefined
}

/** What the store keeps of an end. */
export function endOf(exit: Exit, o: Told): End {
  const { queueMs, run, exit: told, inherited, startedAt, finishedAt = 0 } = o.seen
  const given = JSON.stringify(o.given)
  return {
    status: statusOf(exit),
    startedAt,
    at: finishedAt,
    record: JSON.stringify({
      queueMs,
      run: run && { ...run, denials: undefined, firewall: undefined },
      exit: told,
      inherited,
    }),
    given,
    request: o.request?.text,
    bytes: o.logBytes + given.length + (o.request ? requestBytes(o.request.text, o.request.source) : 0),
    cpuMs: exit.usage?.cpuMs ?? 0,
  }
}

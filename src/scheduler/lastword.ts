/** The end of a workload on its way to the disk, where it has to arrive. */
import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Exit } from '../backend/backend.ts'
import type { End } from '../store/leases.ts'
import { requestBytes } from './asked.ts'
import { statusOf } from './lifecycle.ts'
import type { WorkloadParts } from './parts.ts'
import type { Given, Seen } from './record.ts'

/** Between tries, in milliseconds; a store that refuses has a full disk as its usual reason. */
const retryMs = { first: 200, most: 10_000 }

type Parts = Pick<WorkloadParts, 'store' | 'claimed' | 'spec' | 'keepsRequest' | 'onTrouble'>

/**
 * Tries until the store takes it; false when another owner has had the last word. An archive that is not kept beyond its
 * workload's end is removed then.
 */
export async function lastWord(parts: Parts, end: End): Promise<boolean> {
  const { keepsRequest, onTrouble } = parts
  const { source } = parts.spec
  const ours = await taken(parts, end)
  if (!keepsRequest && source.kind === 'archive') await rm(source.path, { force: true }).catch(onTrouble)
  return ours
}

async function taken({ store, claimed, onTrouble }: Parts, end: End): Promise<boolean> {
  for (let waitMs = retryMs.first; ; waitMs = Math.min(2 * waitMs, retryMs.most)) {
    try {
      return await store.finish(claimed, end)
    } catch (error) {
      onTrouble(error)
      await pause(waitMs, undefined, { ref: false })
    }
  }
}

interface Told extends Pick<Parts, 'claimed' | 'spec' | 'keepsRequest'> {
  readonly seen: Seen
  readonly given: Given
  readonly logBytes: number
}

/** What the store keeps of an end. */
export function endOf(exit: Exit, o: Told): End {
  const { queueMs, run, exit: told, inherited, startedAt, finishedAt = 0 } = o.seen
  const text = o.keepsRequest ? o.claimed.spec : undefined
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
    request: text,
    bytes: o.logBytes + given.length + (text === undefined ? 0 : requestBytes(text, o.spec.source)),
    cpuMs: exit.usage?.cpuMs ?? exit.vmCpuMs ?? 0,
  }
}

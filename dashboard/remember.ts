/**
 * What this tab has asked for, by workload: the server's records do not say. It ends with the tab, because a request may
 * hold what nobody else should read.
 */
import type { WorkloadRequest, WorkloadSummary } from '../src/api/workload.ts'
import type { Archive } from './submit/archive.ts'
import type { Asked } from './words.ts'

const prefix = 'vulcan.request.'
const most = 20
/** Characters of one request; a larger one is known only until the page is loaded anew. Browsers keep five million. */
const largest = 50_000

interface Remembered {
  readonly request: WorkloadRequest
  readonly archive?: Archive
}

const inMemory = new Map<string, Remembered>()

export function remember(id: string, remembered: Remembered): void {
  inMemory.set(id, remembered)
  const text = JSON.stringify(remembered.request)
  if (text.length > largest) return
  const known = Object.keys(sessionStorage).filter((key) => key.startsWith(prefix))
  // Ids grow with time: the first in order are the oldest.
  for (const old of known.sort().slice(0, Math.max(0, known.length - most + 1))) sessionStorage.removeItem(old)
  sessionStorage.setItem(prefix + id, text)
}

export function remembered(id: string): Remembered | undefined {
  const kept = sessionStorage.getItem(prefix + id)
  return inMemory.get(id) ?? (kept === null ? undefined : { request: JSON.parse(kept) as WorkloadRequest })
}

/** Bounds that were asked for: memory as the record has it, the rest as far as this tab knows. */
export function askedFor({ id, resources }: Pick<WorkloadSummary, 'id' | 'resources'>): Asked {
  const known = remembered(id)?.request.resources
  return { memMb: resources?.mem_mb, timeoutS: known?.timeout_s, diskMb: known?.disk_mb }
}

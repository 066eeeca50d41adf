/** What it means for a caller that a quota of its key is used up. */
import { VulcanError } from '../api/errors.ts'
import type { Exceeded } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

const dayMs = 24 * 3600 * 1000

/** Throws quota_exceeded where that tenant may hand in nothing now. It is asked again with the row of what is handed in. */
export async function expectQuota(store: Pick<Store, 'exceeded'>, tenant: string): Promise<void> {
  const spent = await store.exceeded(tenant, Date.now())
  if (spent) throw exceededBy(spent)
}

/** The queue moves at any moment; a day's processor time comes back at midnight, UTC. */
export function exceededBy({ quota, limit }: Exceeded): VulcanError {
  const words = {
    queued: `${limit} workloads of this key wait already`,
    running: `${limit} workloads of this key run already`,
    cpu_seconds: `the workloads of this key took ${limit} s of processor time today`,
  }
  const retryAfterS = quota === 'cpu_seconds' ? Math.ceil((dayMs - (Date.now() % dayMs)) / 1000) : 1
  return new VulcanError('quota_exceeded', `the quota ${quota} is used up: ${words[quota]}`, { retryAfterS })
}

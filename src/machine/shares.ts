/** What a running machine sees of the host's folders. */
import { VulcanError } from '../api/errors.ts'
import { machineExec } from './exec.ts'

/**
 * Makes the next look at assets and images see what the host has there now: the machine caches them and never asks about them
 * again. What is in use stays. Throws VulcanError `machine_failed`.
 */
export async function forgetShares(o: { readonly home: string; readonly signal?: AbortSignal }): Promise<void> {
  const argv = ['sh', '-c', 'echo 2 >/proc/sys/vm/drop_caches'] as const
  const { code, stderr } = await machineExec({ ...o, argv, timeoutMs: 60_000 })
  if (code !== 0)
    throw new VulcanError('machine_failed', `it keeps what it knew of the images: ${stderr}`, { step: 'shares' })
}

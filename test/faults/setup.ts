/**
 * Once before all faults: what is set up before system tests, but for vms that wait to be used, since each fault meets its
 * own, and with one start at a time: all of the processor is the one's that others wait for.
 */
import { environment } from '../system/places.ts'
import { setup as setUp, teardown } from '../system/setup.ts'

export { teardown }

export async function setup(): Promise<void> {
  Object.assign(environment, { VULCAN_POOL_VMS: '0', VULCAN_CONCURRENCY_STARTING: '1' })
  await setUp()
}

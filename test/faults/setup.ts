/** Once before all faults: what is set up before system tests, but for vms that wait to be used: each fault meets its own. */
import { environment } from '../system/places.ts'
import { setup as setUp, teardown } from '../system/setup.ts'

export { teardown }

export async function setup(): Promise<void> {
  Object.assign(environment, { VULCAN_POOL_VMS: '0' })
  await setUp()
}

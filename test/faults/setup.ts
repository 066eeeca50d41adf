/** Once before all faults: as before system tests, with one start at a time: all of the processor is the one's that others wait for. */
import { environment } from '../system/places.ts'
import { setup as setUp, teardown } from '../system/setup.ts'

export { teardown }

export async function setup(): Promise<void> {
  environment['VULCAN_CONCURRENCY_STARTING'] = '1'
  await setUp()
}

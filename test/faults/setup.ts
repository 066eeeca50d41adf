/** Once before all faults: as before system tests, with one start at a time: all of the processor is the one's that others wait for. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { environment, root } from '../system/places.ts'
import { setup as setUp, teardown } from '../system/setup.ts'

export { teardown }

export async function setup(): Promise<void> {
  // The tables that are written are of this run alone.
  for (const room of ['faults', 'system'])
    await rm(join(root, 'test', room, 'outcomes'), { recursive: true, force: true })
  environment['VULCAN_CONCURRENCY_STARTING'] = '1'
  await setUp()
}

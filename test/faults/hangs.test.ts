/** What a start waits for never comes: a deadline ends it, and where another start may help there is one. */
import { test } from 'vitest'
import { type Fault, startFails, suffer } from './fault.ts'
import { made, pluginInPlaceOf, programInPlaceOf, toFirecracker, trap } from './node.ts'

const hang = 'exec sleep 86400'

const faults: Fault[] = [
  {
    name: 'a network plugin hangs',
    before: () => pluginInPlaceOf('host-local', hang),
    ...startFails,
    says: /it took too long/,
  },
  {
    name: 'the jailer hangs',
    before: () => programInPlaceOf('firecracker-*/jailer', hang),
    ...startFails,
    says: /the jailer did not hand over to Firecracker: .*it took too long/,
  },
  {
    name: 'Firecracker stands still while it is started, and the next one does not',
    before: () => trap(made.process, toFirecracker('STOP')),
    ends: ['program'],
    told: { status: 'completed', run: { start: 'boot' } },
  },
]

test.each(faults)('$name', (fault) => suffer(fault))

/** A start that is broken in the moment in which it has made something: nothing of it stays, and nothing runs twice. */
import { beforeAll, expect, test } from 'vitest'
import { settled } from '../system/harness.ts'
import { type Fault, suffer } from './fault.ts'
import { endServer, made, toFirecracker, toSpawner, trap } from './node.ts'

beforeAll(async () => {
  expect(await settled(), 'something was left before these tests began').toEqual([])
})

const everything = Object.keys(made) as (keyof typeof made)[]
/** What is there only while there is a Firecracker. */
const ofFirecracker = ['process', 'API socket', 'vsock', 'run in the book'] as const

/** A class that nobody has used: a vm of it boots, whatever templates there are. */
let lastDisk = 300
const unused = () => ({ resources: { timeout_s: 300, disk_mb: (lastDisk += 1) } })

/** What a server does that finds a start of the one before: it goes on with it, or it was lost before it ran. */
const afterServer = ['program', 'vm_lost'] as const

const faults: Fault[] = [
  ...everything.map((thing) => ({
    name: `the server is killed once a start has made its ${thing}`,
    before: () => trap(made[thing], endServer('KILL')),
    ends: afterServer,
  })),
  ...(['network namespace', 'API socket', 'run in the book'] as const).map((thing) => ({
    name: `the server is told to stop once a start has made its ${thing}`,
    before: () => trap(made[thing], endServer('TERM')),
    // What had not begun waits again, for the next server.
    ends: ['program'] as const,
  })),
  ...(['jail', 'network namespace', 'cgroup'] as const).map((thing) => ({
    name: `what runs commands for the server is killed once a start has made its ${thing}`,
    before: () => trap(made[thing], toSpawner('KILL')),
    // A command that was lost fails the start, which is tried again.
    ends: ['program'] as const,
  })),
  ...ofFirecracker.map((thing) => ({
    name: `Firecracker is killed once a start has made its ${thing}`,
    before: () => trap(made[thing], toFirecracker('KILL')),
    // Before the program was sent the start is tried again; behind it, what was lost is told.
    ends: ['program', 'vm_lost'] as const,
  })),
  ...(['network namespace', 'API socket', 'vsock'] as const).map((thing) => ({
    name: `the server is killed once a vm that boots has its ${thing}`,
    request: unused(),
    before: () => trap(made[thing], endServer('KILL')),
    ends: afterServer,
  })),
  ...(['API socket', 'vsock'] as const).map((thing) => ({
    name: `Firecracker is killed once a vm that boots has its ${thing}`,
    request: unused(),
    before: () => trap(made[thing], toFirecracker('KILL')),
    ends: ['program', 'vm_lost'] as const,
  })),
]

test.each(faults)('$name', (fault) => suffer(fault))

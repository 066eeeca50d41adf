/** The host runs out of what it lends a vm, or somebody takes it away. */
import { test } from 'vitest'
import { type Fault, startFails, suffer } from './fault.ts'
import { breakNode, emptyFirewall, fillDisk } from './node.ts'

const room: Fault[] = [
  {
    name: 'the host has no memory for a vm',
    before: async () => {
      await breakNode('for each in /sys/fs/cgroup/vulcan-*/memory.max; do echo 24M >$each; done')
      return async () =>
        void (await breakNode('for each in /sys/fs/cgroup/vulcan-*/memory.max; do echo max >$each; done'))
    },
    // The kernel may kill it at once, or take its pages away and give them back for ever.
    ends: ['start_failed', 'vm_lost'],
    told: { status: 'failed' },
  },
  {
    name: 'the host has no process for a vm',
    before: async () => {
      await breakNode('for each in /sys/fs/cgroup/vulcan-*/pids.max; do echo 1 >$each; done')
      return async () =>
        void (await breakNode('for each in /sys/fs/cgroup/vulcan-*/pids.max; do echo max >$each; done'))
    },
    ...startFails,
  },
  {
    name: 'the host’s disk fills while the guest writes to its own',
    request: {
      code: `
import os, sys, time
print('up', flush=True)
time.sleep(3)
try:
    with open('big', 'wb') as f:
        for _ in range(64):
            f.write(os.urandom(1 << 20))
            os.fsync(f.fileno())
except OSError as error: sys.exit(type(error).__name__)`,
    },
    running: async () => {
      const mend = await fillDisk()
      await breakNode('sleep 15')
      await mend()
    },
    ends: ['program', 'vm_lost', 'disk_full'],
  },
]

const network: Fault[] = [
  {
    name: 'the bridge is gone',
    before: async () => {
      await breakNode('for each in $(ip -o link show type bridge | grep -o "vul[a-z0-9]*"); do ip link del $each; done')
      return () => Promise.resolve()
    },
    ends: ['program', 'start_failed'],
  },
  {
    name: 'the firewall is emptied',
    before: async () => {
      await breakNode(emptyFirewall)
      return () => Promise.resolve()
    },
    ends: ['program'],
    told: { status: 'completed' },
  },
]

test.each([...room, ...network])('$name', (fault) => suffer(fault))

/** What the host lends a vm is missing, fails, hangs or is not what it was. */
import { expect, test } from 'vitest'
import { python } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'
import { type Fault, type Mend, suffer } from './fault.ts'
import { breakNode, fillDisk, inPlaceOf } from './node.ts'

const assets = '$VULCAN_HOME/assets'
const images = '$VULCAN_HOME/images'

/** A class that nobody has used boots, since it has no template. */
let lastDisk = 400
const boots = () => ({ resources: { timeout_s: 300, disk_mb: (lastDisk += 1) } })

const startFails = { ends: ['start_failed'], told: { status: 'failed' } } as const

/** A plugin is a program that reads its orders and answers in JSON. */
const plugin = (name: string, does: string) => ({
  before: () => inPlaceOf(`${assets}/cni-1*/${name}`, `#!/bin/sh\ncat >/dev/null\n${does}\n`),
})

const plugins: Fault[] = [
  ...(['bridge', 'host-local', 'vulcan-tap'] as const).flatMap((name) => [
    { name: `the network plugin ${name} fails`, ...plugin(name, 'exit 1'), ...startFails, says: /network|CNI/i },
    {
      name: `the network plugin ${name} is killed`,
      ...plugin(name, 'kill -9 $$'),
      ...startFails,
      says: /network|CNI/i,
    },
    {
      name: `the network plugin ${name} answers nonsense`,
      ...plugin(name, 'echo "{}{"'),
      ...startFails,
      says: /network|CNI/i,
    },
  ]),
  { name: 'a network plugin hangs', ...plugin('host-local', 'exec sleep 86400'), ...startFails, says: /network|CNI/i },
]

const programs: Fault[] = [
  {
    name: 'the jailer is killed at once',
    before: () => inPlaceOf(`${assets}/firecracker-*/jailer`, '#!/bin/sh\nkill -9 $$\n'),
    ...startFails,
    says: /jailer/,
  },
  {
    name: 'the jailer hangs',
    before: () => inPlaceOf(`${assets}/firecracker-*/jailer`, '#!/bin/sh\nexec sleep 86400\n'),
    ...startFails,
  },
  {
    name: 'Firecracker hangs before it listens',
    before: () => inPlaceOf(`${assets}/firecracker-*/firecracker`, '#!/bin/sh\nexec sleep 86400\n'),
    ...startFails,
  },
  {
    name: 'the jailer cannot be run',
    before: () => inPlaceOf(`${assets}/firecracker-*/jailer`, 'not a program'),
    ...startFails,
    says: /jailer/,
  },
  {
    name: 'Firecracker fails at once',
    before: () => inPlaceOf(`${assets}/firecracker-*/firecracker`, '#!/bin/sh\nexit 1\n'),
    ...startFails,
    says: /Firecracker ended while/,
  },
  {
    name: 'the kernel is no kernel',
    request: boots(),
    before: () => inPlaceOf(`${assets}/kernel-*/vmlinux`, 'not a kernel'),
    ...startFails,
    says: /kernel/i,
  },
  {
    name: 'the image is no image',
    request: boots(),
    before: () => inPlaceOf(`${images}/*/rootfs.ext4`, 'not an image'),
    ...startFails,
  },
]

/** Makes sure that the class of these has a template. */
async function haveTemplate(): Promise<void> {
  const usual = { network: 'internet' } as const
  await eventually(
    'a vm from a template',
    async () => ((await python('pass', usual)).run?.start === 'boot' ? undefined : true),
    { withinMs: 400_000 },
  )
}

const spoilt = (file: string, how: string) => async (): Promise<Mend> => {
  await haveTemplate()
  await breakNode(`for each in $VULCAN_HOME/templates/*/${file}; do ${how}; done`)
  return () => Promise.resolve()
}

const templates: Fault[] = [
  ['state', 'echo nonsense >$each', 'is nonsense'],
  ['memory', 'dd if=/dev/urandom of=$each bs=1M count=32 seek=16 conv=notrunc 2>/dev/null', 'is nonsense'],
  ['state', 'rm $each', 'is missing'],
  ['state', 'truncate -s 100 $each', 'is cut short'],
  ['memory', 'rm $each', 'is missing'],
  ['memory', 'truncate -s 1M $each', 'is cut short'],
  ['disk.ext4', 'rm $each', 'is missing'],
].map(([file = '', how = '', what = '']) => ({
  name: `the ${file} of a template ${what}`,
  before: spoilt(file, how),
  // It is put away, and the vm boots.
  ends: ['program'],
  told: { status: 'completed', run: { start: 'boot' } },
}))

const host: Fault[] = [
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
      await breakNode('ip link del $(ip -o link show type bridge | sed "s/^[0-9]*: \\([^@:]*\\).*/\\1/")')
      return () => Promise.resolve()
    },
    ends: ['program', 'start_failed'],
  },
  {
    name: 'the firewall is emptied',
    before: async () => {
      await breakNode('nft flush ruleset')
      return () => Promise.resolve()
    },
    ends: ['program'],
    told: { status: 'completed' },
  },
]

test.each(plugins)('$name', (fault) => suffer(fault))

test('a network that failed costs no template', async () => {
  await haveTemplate()
  const mend = await plugin('bridge', 'exit 1').before()
  try {
    expect(await python('pass', { network: 'internet' })).toMatchObject({ exit: { by: 'start_failed' } })
  } finally {
    await mend()
  }
  const { run } = await python('pass', { network: 'internet', resources: { timeout_s: 300 } })
  expect(run?.start).toBe('restore')
})

test.each([...programs, ...host, ...network, ...templates])('$name', (fault) => suffer(fault))

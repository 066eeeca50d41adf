/** The host runs out of what it lends a vm, or somebody takes it away. */
import { expect, test } from 'vitest'
import { client, python, settled } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'
import { type Fault, note, sound, startFails, suffer } from './fault.ts'
import { breakNode, empty, emptyFirewall, fill, fillDisk, made, trap } from './node.ts'

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
    name: 'the host’s disk fills once a start has made its entry in the book',
    before: () => trap(made['entry in the book'], `${fill}; sleep 8; ${empty}`),
    // What was begun of it is undone, and where there is room again by then, another start has it. Or its log has no room.
    ends: ['program', 'start_failed', 'vm_lost'],
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

test('the host’s disk fills while a template is made: it is told, nothing of it stays, and after a rest its class has it', async () => {
  const of = { network: 'none', resources: { timeout_s: 300, disk_mb: 601 } } as const
  const template = async () =>
    (await (await client()).templates()).find(({ disk_mb: disk }) => disk === of.resources.disk_mb)
  expect(await settled()).toEqual([])
  const begun = performance.now()
  // That of a vm which goes on from a template is read-only.
  const written = "find $VULCAN_HOME/jails -path '*/root/memory' -perm 600 | grep -q ."
  const mend = await trap(written, `${fill}; while ${written}; do sleep 0.2; done; ${empty}`)
  // It is at its second use that a class is worth a template.
  await python('pass', of)
  await python('pass', of)
  const failed = async () => ((await template())?.state === 'failed' ? template() : undefined)
  const { reason } = (await eventually('a template that failed', failed, { withinMs: 300_000 })) ?? {}
  expect(reason).toMatch(/space|full/i)
  await mend()
  expect(await breakNode('ls $VULCAN_HOME/templates | grep -c making || true')).toBe('0\n')
  const ready = async () => {
    await python('pass', of)
    return (await template())?.state === 'ready' || undefined
  }
  await eventually('the template', ready, { withinMs: 400_000, everyMs: 2000 })
  expect((await python('pass', of)).run?.start).toBe('restore')
  await note('the host’s disk fills while a template is made', begun)
  await sound()
})

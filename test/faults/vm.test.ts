/** What a vm stands on is broken while its program runs: each its own, so they suffer beside one another. */
import { expect, test } from 'vitest'
import { client, endServer, vmPid } from '../system/harness.ts'
import { type Fault, sound, sufferBeside } from './fault.ts'
import { askFirecracker, breakNode } from './node.ts'

/** A program whose end, if it comes, is later than any harm. */
const long = { code: "import time\nprint('up', flush=True)\ntime.sleep(600)", resources: { timeout_s: 700 } }
const lost = { ends: ['vm_lost'], told: { status: 'failed' } } as const

const vmOf = async (id: string): Promise<string> => {
  const { run } = await (await client()).get(id)
  expect(run?.vm_id).toBeDefined()
  return run?.vm_id ?? ''
}
const cgroupOf = async (id: string) => `/sys/fs/cgroup/vulcan-*/${await vmOf(id)}`
const jailOf = async (id: string) => `$VULCAN_HOME/jails/firecracker/${await vmOf(id)}`

// As init of its pid namespace it is reached by those signals alone that it handles, and by SIGKILL.
const killed: Fault[] = ['KILL', 'SEGV', 'BUS', 'ILL', 'HUP'].map((signal) => ({
  name: `Firecracker ends by SIG${signal}`,
  request: long,
  running: async (id) => void (await breakNode(`kill -${signal} ${vmPid(id)}`)),
  ...lost,
}))

const faults: Fault[] = [
  ...killed,
  {
    name: 'the host’s out-of-memory killer takes the vm',
    // Memory that was written to: what is as in the template, the host can let go of and read again.
    request: { ...long, code: `held = b'x' * (64 << 20)\n${long.code}` },
    running: async (id) => void (await breakNode(`echo 16M > $(ls ${await cgroupOf(id)}/memory.max) || true`)),
    ends: ['vm_lost', 'oom', 'killed'],
  },
  {
    name: 'the whole cgroup of the vm is killed',
    request: long,
    running: async (id) => void (await breakNode(`echo 1 > $(ls ${await cgroupOf(id)}/cgroup.kill)`)),
    ...lost,
  },
  {
    name: 'the vm stands still for three seconds',
    running: async (id) => {
      const freeze = `$(ls ${await cgroupOf(id)}/cgroup.freeze)`
      await breakNode(`echo 1 > ${freeze}; sleep 3; echo 0 > ${freeze}`)
    },
    ends: ['program'],
    told: { status: 'completed', stdout: 'up\ndone\n' },
  },
  {
    name: 'the vm stands still for ever, beyond the time of its program',
    request: { code: long.code, resources: { timeout_s: 15 } },
    running: async (id) => void (await breakNode(`echo 1 > $(ls ${await cgroupOf(id)}/cgroup.freeze)`)),
    ends: ['timeout', 'vm_lost'],
  },
  {
    name: 'the vm stands still for ever, long before its time is over',
    request: long,
    running: async (id) => void (await breakNode(`echo 1 > $(ls ${await cgroupOf(id)}/cgroup.freeze)`)),
    ...lost,
    says: /it has answered nothing for 60 s/,
  },
  {
    name: 'a vm that stands still is killed by its owner',
    request: long,
    running: async (id) => {
      await breakNode(`echo 1 > $(ls ${await cgroupOf(id)}/cgroup.freeze)`)
      await (await client()).kill(id)
    },
    ends: ['killed'],
  },
  {
    name: 'the socket of the vsock is removed',
    running: async (id) => void (await breakNode(`rm ${await jailOf(id)}/root/run/v.sock`)),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'the network namespace loses its name',
    running: async (id) => void (await breakNode(`ip netns del ${await vmOf(id)}`)),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'the tap is removed under the vm',
    running: async (id) =>
      void (await breakNode(
        `vm=${await vmOf(id)}; ip -n $vm link del $(ip -n $vm -o link | grep -o 'tap[^:@]*' | head -1)`,
      )),
    ends: ['program', 'vm_lost'],
  },
  {
    name: 'the cable to the bridge is removed under the vm',
    running: async (id) =>
      void (await breakNode(`
        vm=${await vmOf(id)}
        for veth in $(ip -o link show type veth | sed 's/^[0-9]*: \\([^@:]*\\).*/\\1/'); do
          ip -d link show $veth | grep -q "link-netns $vm" && ip link del $veth && exit
        done
        exit 1`)),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'the guest is told to restart',
    request: long,
    running: async (id) => askFirecracker(await jailOf(id), 'PUT /actions', { action_type: 'SendCtrlAltDel' }),
    ...lost,
  },
  {
    name: 'the vm is paused, and its agent with it',
    request: long,
    running: async (id) => askFirecracker(await jailOf(id), 'PATCH /vm', { state: 'Paused' }),
    ...lost,
    says: /it has answered nothing for 60 s/,
  },
  {
    name: 'the folder of the jail is removed under the vm',
    request: long,
    running: async (id) =>
      void (await breakNode(
        `rm -rf ${await jailOf(id)}/root/run ${await jailOf(id)}/root/disk.ext4; kill -9 ${vmPid(id)}`,
      )),
    ...lost,
  },
]

test.concurrent.each(faults)('$name', (fault) => sufferBeside(fault))

test('nothing is left of any of them, and the next workload runs', () => sound())

test('a server that crashes finds vms that were broken before: each is lost, and said to be', async () => {
  // All are broken when the server goes, which is the harm that they share.
  const broken = Promise.withResolvers<void>()
  let whole = 0
  const withServer = (name: string, harm: (id: string) => Promise<string>): Fault => ({
    name: `${name}, and then the server crashes`,
    request: long,
    running: async (id) => {
      await breakNode(await harm(id))
      whole += 1
      if (whole === 4) broken.resolve(await endServer('KILL'))
      await broken.promise
    },
    ...lost,
  })
  const crashes = [
    withServer('the socket of the vsock is removed', async (id) => `rm ${await jailOf(id)}/root/run/v.sock`),
    withServer('the vm’s entry in the book is removed', async (id) => `rm /run/vulcan-*/vms/${await vmOf(id)}`),
    withServer('the vm dies', (id) => Promise.resolve(`kill -9 ${vmPid(id)}`)),
    withServer('the vm stands still', async (id) => `echo 1 > $(ls ${await cgroupOf(id)}/cgroup.freeze)`),
  ]
  await Promise.all(crashes.map((fault) => sufferBeside(fault)))
  await sound()
})

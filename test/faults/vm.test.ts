/** What a vm stands on is broken while its program runs. */
import { expect, test } from 'vitest'
import { client, vmPid } from '../system/harness.ts'
import { type Fault, suffer } from './fault.ts'
import { breakNode, endServer } from './node.ts'

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
    request: long,
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
    request: { code: long.code, resources: { timeout_s: 4 } },
    running: async (id) => void (await breakNode(`echo 1 > $(ls ${await cgroupOf(id)}/cgroup.freeze)`)),
    ends: ['timeout', 'vm_lost'],
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
    name: 'the socket of the vsock is removed, and then the server crashes',
    request: long,
    running: async (id) => void (await breakNode(`rm ${await jailOf(id)}/root/run/v.sock; ${endServer('KILL')}`)),
    ...lost,
  },
  {
    name: 'the vm’s entry in the book is removed, and then the server crashes',
    request: long,
    running: async (id) => void (await breakNode(`rm /run/vulcan-*/vms/${await vmOf(id)}; ${endServer('KILL')}`)),
    ...lost,
  },
  {
    name: 'the vm dies, and the server with it',
    request: long,
    running: async (id) => void (await breakNode(`kill -9 ${vmPid(id)}; ${endServer('KILL')}`)),
    ...lost,
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
    running: async () =>
      void (await breakNode(
        'ip link del $(ip -o link show type veth | head -1 | sed "s/^[0-9]*: \\([^@:]*\\).*/\\1/")',
      )),
    ends: ['program'],
    told: { status: 'completed' },
  },
]

test.each(faults)('$name', (fault) => suffer(fault))

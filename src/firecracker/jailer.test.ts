import { expect, test } from 'vitest'
import { bootArgs, hostLimitsOf, sizeOf } from './boot.ts'
import { jailerArgv } from './jailer.ts'
import { homeTooLong, inJail, isOurs, jailBase, namesOf, parentCgroup } from './names.ts'

const places = { instance: 'vulcan', home: '/var/lib/vulcan' }
const vmId = 'vulcan-5f0a1b2c3d4e'
const size = sizeOf({ cpus: 1.5, memMib: 256, timeoutMs: 1, diskMib: 512, pids: 64 })

const argv = jailerArgv({
  jailer: '/a/jailer',
  firecracker: '/a/firecracker',
  vmId,
  uid: 300_001,
  gid: 300_001,
  chrootBase: jailBase(places),
  parentCgroup: parentCgroup(places),
  netns: '/var/run/netns/x',
  apiSocket: inJail.apiSocket,
  limits: hostLimitsOf(size, 512),
})

test('the jailer is told everything that protects: user, namespaces, cgroup v2 with all its limits', () => {
  const line = argv.join(' ')
  expect(line).toMatch(/^unshare --ipc \/a\/jailer /)
  expect(line).toContain('--uid 300001 --gid 300001')
  expect(line).toContain('--netns /var/run/netns/x --new-pid-ns')
  expect(line).toContain('--cgroup-version 2 --parent-cgroup vulcan-vulcan')
  for (const limit of ['memory.max=', 'memory.swap.max=0', 'cpu.max=225000 100000', 'pids.max=']) {
    expect(line).toContain(`--cgroup ${limit}`)
  }
  expect(line).not.toMatch(/seccomp/)
})

test('no cgroup value holds a second "=", which the jailer would split', () => {
  const values = argv.filter((_, at) => argv[at - 1] === '--cgroup')
  expect(values).toHaveLength(4)
  for (const value of values) expect(value.split('=')).toHaveLength(2)
})

test('a fraction of a core gets the next whole vcpu, and memory leaves room for the guest’s kernel', () => {
  expect(size).toEqual({ vcpus: 2, memMib: 368 })
  expect(hostLimitsOf({ vcpus: 4, memMib: 8192 }, 512).memoryBytes).toBeGreaterThan(8192 * 2 ** 20)
})

test('names are made of instance and id alone, and only our own are ours', () => {
  const { jail } = namesOf(places, vmId)
  expect(jail).toBe('/var/lib/vulcan/jails/firecracker/vulcan-5f0a1b2c3d4e')
  expect(isOurs(places, vmId)).toBe(true)
  expect(isOurs({ ...places, instance: 'other' }, vmId)).toBe(false)
  expect(isOurs(places, 'vulcan-other-5f0a1b2c3d4e')).toBe(false)
})

test('a home whose sockets would not fit into sun_path is refused by name', () => {
  expect(homeTooLong(places)).toBeUndefined()
  expect(homeTooLong({ ...places, home: `/var/${'x'.repeat(60)}` })).toMatch(/too long/)
})

test('the kernel is quiet unless asked, loads modules, and reboots to end the vm', () => {
  expect(bootArgs({ console: false })).toContain('8250.nr_uarts=0')
  expect(bootArgs({ console: false })).toContain('reboot=k')
  expect(bootArgs({ console: false })).not.toContain('nomodule')
  expect(bootArgs({ console: true })).toContain('console=ttyS0')
})

import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ownCgroup, prepareParent, settleInOwn, share, standingStill } from './cgroup.ts'
import { allCgroupsOf, cgroupsOf, namesOf, parentCgroup } from './names.ts'

const vmId = 'vulcan-5f0a1b2c3d4e'
const byHand = { instance: 'vulcan', home: '/var/lib/vulcan' }
const asService = { ...byHand, cgroup: 'system.slice/vulcan.service' }

test('the cgroup a server was started in, also where the service manager put it into the leaf already', () => {
  expect(ownCgroup('0::/system.slice/vulcan.service\n')).toBe('system.slice/vulcan.service')
  expect(ownCgroup('9:name=systemd:/x\n0::/system.slice/vulcan.service/server\n')).toBe('system.slice/vulcan.service')
  expect(ownCgroup('0::/\n')).toBe('')
  expect(ownCgroup('4:memory:/user\n')).toBeUndefined()
})

test('a service has its vms below itself, where its manager counts and kills them; by hand they are at the root', () => {
  expect(parentCgroup(asService)).toBe('system.slice/vulcan.service/vulcan-vulcan')
  expect(namesOf(asService, vmId).cgroup).toMatch(/^\/sys\/fs\/cgroup\/system\.slice\/vulcan\.service\/vulcan-vulcan\/vulcan-5f0a1b2c3d4e$/) // prettier-ignore
  expect(cgroupsOf(byHand)).toBe('/sys/fs/cgroup/vulcan-vulcan')
})

test('cleanup looks in both places, so that one way to start finds what the other has left', () => {
  expect(allCgroupsOf(byHand)).toEqual(['/sys/fs/cgroup/vulcan-vulcan'])
  expect(allCgroupsOf(asService)).toEqual([cgroupsOf(asService), '/sys/fs/cgroup/vulcan-vulcan'])
})

test('the server moves into a leaf of its own cgroup, which then hands its controllers to the vms’ folder', async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'vulcan-cgroup-'))
  const own = ownCgroup(await readFile('/proc/self/cgroup', 'utf8')) ?? ''
  await mkdir(join(root.path, own, 'server'), { recursive: true })
  // A file in the kernel's place: what is written to it can be read.
  await writeFile(join(root.path, own, 'server', 'cgroup.procs'), '')
  expect(await settleInOwn(root.path)).toBe(own)
  expect(await readFile(join(root.path, own, 'server', 'cgroup.procs'), 'utf8')).toBe(String(process.pid))
  const parent = join(root.path, own, 'vulcan-vulcan')
  await prepareParent(parent)
  for (const folder of [join(parent, '..'), parent]) {
    expect(await readFile(join(folder, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu +memory +pids +io')
  }
})

test('a vm that rehearses for later has a smaller share of the processor; one that is gone needs none', async () => {
  await using cgroup = await mkdtempDisposable(join(tmpdir(), 'vulcan-cgroup-'))
  const weight = join(cgroup.path, 'cpu.weight')
  await writeFile(weight, '')
  await share(cgroup.path, 'later')
  expect(await readFile(weight, 'utf8')).toBe('25')
  await share(cgroup.path, 'run')
  expect(await readFile(weight, 'utf8')).toBe('100')
  await share(join(cgroup.path, 'gone'), 'run')
})

test('what stands still goes on afterwards, also when what was to be done meanwhile failed', async () => {
  await using cgroup = await mkdtempDisposable(join(tmpdir(), 'vulcan-cgroup-'))
  const freeze = join(cgroup.path, 'cgroup.freeze')
  await writeFile(freeze, '0')
  await writeFile(join(cgroup.path, 'cgroup.events'), 'populated 1\nfrozen 1\n')
  const { signal } = new AbortController()
  expect(await standingStill(cgroup.path, signal, () => readFile(freeze, 'utf8'))).toBe('1')
  expect(await readFile(freeze, 'utf8')).toBe('0')
  await expect(standingStill(cgroup.path, signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await readFile(freeze, 'utf8')).toBe('0')
  await writeFile(join(cgroup.path, 'cgroup.events'), 'populated 1\nfrozen 0\n')
  const impatient = AbortSignal.timeout(50)
  await expect(standingStill(cgroup.path, impatient, () => Promise.resolve())).rejects.toThrow(/timeout/)
  expect(await readFile(freeze, 'utf8')).toBe('0')
})

test('a cgroup that was not delegated is refused with what to do', async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'vulcan-cgroup-'))
  await writeFile(join(root.path, 'file'), '')
  await expect(settleInOwn(join(root.path, 'file'))).rejects.toMatchObject({
    code: 'host_unfit',
    hint: expect.stringContaining('Delegate=yes') as string,
  })
})

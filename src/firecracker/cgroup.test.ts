import { mkdtempDisposable, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareParent, share, standingStill } from './cgroup.ts'
import { allCgroupsOf, cgroupsOf, namesOf, parentCgroup } from './names.ts'

const vmId = 'vulcan-5f0a1b2c3d4e'
const byHand = { instance: 'vulcan', home: '/var/lib/vulcan' }
const asService = { ...byHand, cgroup: '/system.slice/vulcan-vms.service' }

test('a service has its vms in the cgroup that its manager keeps for them; by hand they are at the root', () => {
  expect(parentCgroup(asService)).toBe('system.slice/vulcan-vms.service/vulcan-vulcan')
  expect(namesOf(asService, vmId).cgroup).toMatch(/^\/sys\/fs\/cgroup\/system\.slice\/vulcan-vms\.service\/vulcan-vulcan\/vulcan-5f0a1b2c3d4e$/) // prettier-ignore
  expect(cgroupsOf(byHand)).toBe('/sys/fs/cgroup/vulcan-vulcan')
  expect(cgroupsOf({ ...byHand, cgroup: '/' })).toBe(cgroupsOf(byHand))
})

test('cleanup looks in both places, so that one way to start finds what the other has left', () => {
  expect(allCgroupsOf(byHand)).toEqual(['/sys/fs/cgroup/vulcan-vulcan'])
  expect(allCgroupsOf(asService)).toEqual([cgroupsOf(asService), '/sys/fs/cgroup/vulcan-vulcan'])
})

test('a cgroup hands its controllers down to that of the vms, which hands them down to each', async () => {
  await using within = await mkdtempDisposable(join(tmpdir(), 'vulcan-cgroup-'))
  const parent = join(within.path, 'vulcan-vulcan')
  // The second server finds it there, perhaps with vms in it.
  for (const _server of [1, 2]) await prepareParent(parent)
  for (const folder of [within.path, parent]) {
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

test('a cgroup that nobody has delegated is refused with what to do, and none is made', async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), 'vulcan-cgroup-'))
  const parent = join(root.path, 'vulcan-vms.service', 'vulcan-vulcan')
  await expect(prepareParent(parent)).rejects.toMatchObject({
    code: 'host_unfit',
    step: 'cgroup',
    message: expect.stringContaining(dirname(parent)) as string,
    hint: expect.stringContaining('vulcan-vms.service') as string,
  })
  expect(await readdir(root.path)).toEqual([])
})

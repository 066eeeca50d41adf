import { chmod, mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hardeningOf, type HostFindings } from './hardening.ts'
import { hostFindings, mountFaults, openFilesOf, swapsOf } from './hostfindings.ts'
import { careless, hardened } from './testing.ts'

describe('advice for production', () => {
  const rowsOf = (host: HostFindings, kernel: string, firecracker = '1.12.1') =>
    new Map(hardeningOf(host, { kernel, firecracker }).map((row) => [row.name, row]))
  const good = rowsOf(hardened, '6.1.0-40-amd64')
  const bad = rowsOf(careless, '6.12.9')

  test.each([...good.keys()])('%s: well on a hardened host; else found, explained and mended by a command', (name) => {
    expect(good.get(name)).toMatchObject({ ok: true, need: 'advice' })
    const row = bad.get(name)
    expect(row).toMatchObject({ ok: false })
    expect(row?.why).toMatch(/.{20}/)
    expect(row?.mend).toMatch(/^[a-z-]+ \S/)
  })

  test('each weakness that is open is named, with the kernel’s own words', () => {
    expect(bad.get('vulnerabilities')?.found).toBe(
      'spec_rstack_overflow (Vulnerable: Safe RET, no microcode); spectre_v2 (Mitigation: Retpolines; BHI: Vulnerable)',
    )
    expect(bad.get('microcode')).toMatchObject({
      found: '0x1 is too old for spec_rstack_overflow',
      mend: 'apt-get install -y intel-microcode',
    })
  })

  test('swap that never reaches a disk in clear is well', () => {
    const swaps = [
      { name: '/dev/dm-1', kind: 'encrypted' },
      { name: '/dev/zram0', kind: 'memory' },
    ] as const
    expect(rowsOf({ ...hardened, swaps }, '6.1').get('swap')).toMatchObject({
      ok: true,
      found: '/dev/dm-1 (encrypted), /dev/zram0 (memory)',
    })
  })

  test.each([
    ['Y', 'KVM: Mitigation: Split huge pages', true, ''],
    ['N', 'KVM: Vulnerable', false, 'auto'],
    ['Y', 'Not affected', false, 'never'],
    ['N', 'Not affected', true, ''],
  ])('nx_huge_pages %s where itlb_multihit is "%s": well is %s', (nxHugePages, itlb_multihit, ok, becomes) => {
    const row = rowsOf({ ...hardened, nxHugePages, vulnerabilities: { itlb_multihit } }, '6.1').get('huge pages')
    expect(row?.ok).toBe(ok)
    if (!ok) expect(row?.mend).toBe(`echo ${becomes} > /sys/module/kvm/parameters/nx_huge_pages`)
  })

  test('kernels Firecracker is tried on', () => {
    const kernels = ['5.10.0-33-amd64', '6.1.0-40-amd64', '6.18.3', '6.12.9', '6.10.1', '4.19.0']
    const tried = (firecracker: string) => kernels.filter((kernel) => rowsOf(hardened, kernel, firecracker).get('host kernel')?.ok) // prettier-ignore
    expect(tried('1.12.1')).toEqual(['5.10.0-33-amd64', '6.1.0-40-amd64'])
    expect(tried('1.16.1')).toEqual(tried('1.12.1'))
    expect(tried('1.16.2')).toEqual([...tried('1.12.1'), '6.18.3'])
    expect(tried('1.17.0')).toEqual(tried('1.16.2'))
    expect(rowsOf({ ...hardened, favorsDynamicChanges: false }, '5.10.0').get('cgroup changes')?.ok).toBe(true)
  })

  test('a limit grows with the vms that may run at once', () => {
    expect(rowsOf({ ...hardened, vms: 1000, openFiles: 20_000 }, '6.1').get('open files')).toMatchObject({
      ok: false,
      mend: 'ulimit -n 33024',
    })
    expect(rowsOf({ ...hardened, vms: 500, openFiles: 20_000 }, '6.1').get('open files')?.ok).toBe(true)
  })

  test('what this place does not tell is not held against it', () => {
    const silent: HostFindings = {
      ...hardened,
      smt: undefined,
      ksm: undefined,
      vulnerabilities: {},
      microcode: undefined,
      nxHugePages: undefined,
      minTimerUs: undefined,
      nested: undefined,
      consoleLevel: undefined,
      kvmMode: undefined,
      overcommit: undefined,
      openFiles: undefined,
      connections: undefined,
      neighbours: undefined,
    }
    expect(hardeningOf(silent, { kernel: '6.1', firecracker: undefined }).filter((row) => !row.ok)).toEqual([])
  })
})

describe('what is read of the host', () => {
  test('swaps, limits and the mount below the home', () => {
    expect(swapsOf('Filename Type Size Used Priority\n/dev/dm-1 partition 1 0 -2\n/swap file 1 0 -3')).toEqual(['/dev/dm-1', '/swap']) // prettier-ignore
    expect(swapsOf('Filename Type Size Used Priority')).toEqual([])
    expect(openFilesOf('Limit Soft Hard Units\nMax open files            1024       524288     files')).toBe(524_288)
    const mounts = ['/ rw', '/var rw,nodev,noexec', '/var/lib rw', '/varnish rw,nodev'].map((at) => `1 0 8:1 / ${at} - ext4 /dev/sda rw`) // prettier-ignore
    expect(mountFaults(mounts.join('\n'), '/var/lib/vulcan')).toEqual([])
    expect(mountFaults(mounts.join('\n'), '/var/vulcan')).toEqual([
      { path: '/var', what: 'nodev' },
      { path: '/var', what: 'noexec' },
    ])
  })

  test('a folder that others may write to is found on the way to the home; a sticky one is none', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-doctor-'))
    const open = join(folder.path, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    const { home } = await hostFindings(join(open, 'home'), 4)
    expect(home.filter(({ what }) => what === 'writable')).toEqual([{ path: open, what: 'writable' }])
  })
})

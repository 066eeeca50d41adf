import { chmod, chown, mkdir, mkdtempDisposable, symlink, writeFile } from 'node:fs/promises'
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

  const silent: HostFindings = {
    ...hardened,
    smt: undefined,
    ksm: undefined,
    vulnerabilities: {},
    microcode: undefined,
    nxHugePages: 'N',
    minTimerUs: undefined,
    nested: undefined,
    consoleLevel: undefined,
    kvmMode: undefined,
    overcommit: undefined,
    ioUringDisabled: undefined,
    openFiles: undefined,
    connections: undefined,
    neighbours: undefined,
  }

  test('what this place does not tell is neither well nor wrong, and needs no mending', () => {
    const rows = [...rowsOf(silent, '6.1').values()].filter((row) => !row.ok)
    expect(rows.map(({ name }) => name)).toEqual([
      ...['smt', 'vulnerabilities', 'microcode', 'overcommit', 'console log', 'io_uring', 'huge pages'],
      ...['open files', 'connections', 'neighbours'],
    ])
    for (const row of rows) {
      expect(row).toMatchObject({ unknown: true, found: expect.stringMatching(/not known/) as string })
      expect(row, row.name).not.toHaveProperty('mend')
    }
  })

  test('a weakness of which the kernel says that it does not know is not told as closed', () => {
    const vulnerabilities = { srbds: 'Unknown: Dependent on hypervisor status', meltdown: 'Not affected', gds: '' }
    const row = rowsOf({ ...hardened, vulnerabilities }, '6.1').get('vulnerabilities')
    expect(row).toMatchObject({
      ok: false,
      unknown: true,
      found: 'not known here: srbds (Unknown: Dependent on hypervisor status); gds (no word)',
    })
  })

  test('whether microcode is new enough is not known where the kernel lists no weaknesses', () => {
    const row = rowsOf({ ...hardened, vulnerabilities: {} }, '6.1').get('microcode')
    expect(row).toMatchObject({ ok: false, unknown: true, found: '0xa0011d1; whether that is new is not known here' })
  })

  test('of a limit that is too low it is enough that one is known', () => {
    const host = { ...hardened, openFiles: undefined, openFilesOfAll: 9000 }
    expect(rowsOf(host, '6.1').get('open files')).toMatchObject({ ok: false, found: 'not known each, 9000 together' })
    expect(rowsOf(host, '6.1').get('open files')).not.toHaveProperty('unknown')
  })

  test.each([
    [1, true],
    [2, false],
    [4, false],
  ])('messages of the kernel below level %i: well is %s', (consoleLevel, ok) => {
    expect(rowsOf({ ...hardened, consoleLevel }, '6.1').get('console log')?.ok).toBe(ok)
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

  test('what others may write to is found on the way to the home and to programs, through links; a sticky folder is none', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-doctor-'))
    const at = (name: string) => join(folder.path, name)
    for (const name of ['open', 'wide', 'tight']) await mkdir(at(name))
    for (const name of ['open', 'wide']) await chmod(at(name), 0o777)
    for (const name of ['wide/kernel', 'tight/jailer']) await writeFile(at(name), '')
    await chmod(at('tight/jailer'), 0o722)
    await symlink(at('wide/kernel'), at('tight/kernel'))
    const programs = [at('tight/jailer'), at('tight/kernel'), at('tight/missing')]
    const { trusted } = await hostFindings({ home: at('open/home'), vms: 4, programs })
    const found = trusted.filter(({ what }) => what === 'writable').map(({ path }) => path)
    expect(found).toEqual([at('open'), at('tight/jailer'), at('wide')])
  })

  test('a program that is not root’s is found', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-doctor-'))
    const program = join(folder.path, 'firecracker')
    await writeFile(program, '')
    // Where root runs the tests, what it makes is root's.
    if (process.getuid?.() === 0) await chown(program, 1000, 1000)
    const { trusted } = await hostFindings({ home: folder.path, vms: 4, programs: [program] })
    expect(trusted).toContainEqual({ path: program, what: 'owner' })
  })
})

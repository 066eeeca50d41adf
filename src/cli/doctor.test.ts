import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { checksOf, diagnose, type Findings } from './diagnosis.ts'
import { textOf } from './doctor.ts'
import { careless, hardened } from './testing.ts'

const metal: Findings = {
  kvm: { usable: true, flag: 'svm' },
  root: true,
  architecture: 'x64',
  kernel: '6.1.0-40-amd64',
  system: 'Debian',
  controllers: ['cpu', 'memory', 'pids', 'io', 'cpuset'],
  tun: true,
  nft: 'v1',
  ip: 'v6',
  foreignDrops: [],
  qemu: undefined,
  go: 'go1.26',
  npm: '11',
  node: 'v26',
  freeDiskMib: 90_000,
  freeMemMib: 9000,
  home: '/h',
  machineMemMib: 6144,
  machineRuns: false,
  firecracker: '1.12.1',
  guestKernel: '6.12',
  machineParts: false,
  host: hardened,
  contradictions: [],
}
const noKvm: Findings = {
  ...metal,
  kvm: { usable: false, failed: 'flags', reason: 'the processor shows neither svm nor vmx in /proc/cpuinfo' },
  controllers: undefined,
  qemu: { version: '10.0.2', enough: true },
  machineParts: true,
}

describe('where vms can run', () => {
  test('metal runs vms itself, a host without KVM in the machine', () => {
    expect(diagnose(metal).place).toBe('host')
    expect(diagnose(noKvm).place).toBe('machine')
    expect(textOf(diagnose(noKvm))).toContain('vms can run here, in the machine')
  })

  test('metal is not told that it lacks what carries a machine', () => {
    expect(textOf(diagnose(metal))).not.toMatch(/qemu|machine/)
    expect(textOf(diagnose(noKvm))).toMatch(/ok +qemu/)
  })

  test.each<[string, Partial<Findings>, string]>([
    ['QEMU is too old', { qemu: { version: '7.2', enough: false } }, 'qemu'],
    ['no room for the machine', { freeMemMib: 5000 }, 'machine memory'],
    ['room for the machine, but not for the code that is translated', { freeMemMib: 7000 }, 'machine memory'],
    ['no set-up', { firecracker: undefined }, 'firecracker'],
    ['no Go', { go: undefined, firecracker: undefined }, 'go'],
    ['a Go that can fetch no newer one', { go: 'go version go1.19.8 linux/amd64', firecracker: undefined }, 'go'],
    ['no disk', { freeDiskMib: 100 }, 'disk'],
    ['not root', { root: false }, 'root'],
    ['another processor', { architecture: 'arm64' }, 'architecture'],
  ])('%s: vms cannot run, and the row says what to do', (_, change, name) => {
    const diagnosis = diagnose({ ...noKvm, ...change })
    expect(diagnosis.place).toBe('none')
    const row = diagnosis.rows.find((row) => row.name === name)
    expect(row).toMatchObject({ ok: false })
    expect(textOf(diagnosis)).toContain(`MISSING  ${name}`)
  })

  test('what is only advice stops nothing; a lost controller does on metal', () => {
    expect(diagnose({ ...metal, foreignDrops: ['ip filter FORWARD'], host: careless }).place).toBe('host')
    expect(diagnose({ ...metal, controllers: ['cpu', 'memory'] }).place).toBe('none')
  })

  test('every row that can be mended names one command', () => {
    for (const row of diagnose(noKvm).rows.filter((row) => !row.ok)) expect(row.mend, row.name).toMatch(/^\S+ /)
  })
})

describe('the text', () => {
  const worst = diagnose({
    ...noKvm,
    qemu: undefined,
    root: false,
    foreignDrops: ['ip filter FORWARD'],
    host: careless,
  })
  const text = textOf(worst)

  test('needed and advised stand apart, and all of it fits 80 columns', () => {
    const [needed = '', advice = ''] = text.split('\n\nadvice for production\n')
    expect(needed).toMatch(/^needed\n/)
    expect(needed).toContain('MISSING  root')
    expect(advice).toMatch(/^no {7}smt +on$/m)
    expect(advice).not.toContain('MISSING')
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  test('in 40 columns findings stand below their names, and only commands are wider', () => {
    const narrow = stripVTControlCharacters(textOf(worst, 40))
    expect(narrow).toContain('MISSING  root\n         no\n         the jailer, network namespaces\n')
    const wide = narrow.split('\n').filter((line) => line.length > 40)
    expect(wide.filter((line) => !/^ {9}(mend:| {5}) /.test(line))).toEqual([])
  })

  test('what could not be found out is told as that, with no command to mend it', () => {
    const host = { ...hardened, smt: undefined, overcommit: '1' }
    const lines = textOf(diagnose({ ...metal, host })).split('\n')
    const at = lines.findIndex((line) => /^unknown +smt +not known here$/.test(line))
    expect(lines[at + 1]).toMatch(/^ {9}threads of one core/)
    expect(lines[at + 2]).not.toContain('mend')
    expect(lines.some((line) => /^no +overcommit +mode 1$/.test(line))).toBe(true)
  })

  test('what holds by how vms are made is told apart from what was looked at', () => {
    const { rows, always } = diagnose(metal)
    const [, held = ''] = textOf(diagnose(metal)).split('\n\nfor production, by how vms are made\n')
    for (const { name } of always) expect(held).toMatch(new RegExp(`^always +${name} `, 'm'))
    expect(rows.some(({ found }) => always.some(({ how }) => how === found))).toBe(false)
    expect(checksOf(diagnose(metal)).some(({ name }) => name === 'jailer')).toBe(false)
  })

  test('settings that contradict each other are told', () => {
    const contradictions = ['limits.cpus = 64 is above concurrency.cpus (8)']
    expect(textOf(diagnose({ ...metal, contradictions }))).toMatch(/^no +settings +limits\.cpus = 64/m)
    expect(diagnose({ ...metal, contradictions }).place).toBe('host')
  })

  test('each command stands on one line', () => {
    for (const { ok, mend = '' } of worst.rows) {
      for (const command of ok ? [] : mend.split('; ')) expect(text).toContain(` ${command}\n`)
    }
  })

  test('where a machine carries the vms, the advice is said to be of its host', () => {
    expect(textOf(diagnose(noKvm))).toContain('\nadvice for production (of this host, not of the machine on it)\n')
  })
})

test('a server is told of what its own host needs, and nothing of the machine', () => {
  const checks = checksOf(diagnose({ ...metal, nft: undefined, qemu: undefined, host: careless }))
  expect(checks.find(({ name }) => name === 'nftables')).toMatchObject({ ok: false, required: true })
  expect(checks.filter(({ name }) => /machine|qemu/.test(name))).toEqual([])
  expect(checks.some(({ ok, required }) => !ok && !required)).toBe(true)
})

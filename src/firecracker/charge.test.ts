import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withBuild, charged } from './charge.ts'

const build = { cpuMs: 9000, peakMemMib: 200, throttledMs: 5, diskWrittenBytes: 10, netRxBytes: 1, netTxBytes: 2 }
const program = { ...build, cpuMs: 1, peakMemMib: 3 }

test('a build costs what a program costs', () => {
  const built = { by: 'program', code: 0, usage: build } as const
  expect(withBuild(built, { by: 'oom', usage: program })).toEqual({
    by: 'oom',
    usage: { cpuMs: 9001, peakMemMib: 200, throttledMs: 10, diskWrittenBytes: 20, netRxBytes: 2, netTxBytes: 4 },
  })
  expect(withBuild(built, { by: 'vm_lost' })).toEqual({ by: 'vm_lost' })
})

test('a run whose guest said nothing is charged what its vm took; where that is not known, nothing is made up', async () => {
  await using cgroup = await mkdtempDisposable(join(tmpdir(), 'vulcan-charge-'))
  const lost = { by: 'vm_lost' } as const
  expect(await charged(lost, cgroup.path)).toEqual(lost)
  await writeFile(join(cgroup.path, 'cpu.stat'), 'usage_usec 1234500\nuser_usec 1000000\nsystem_usec 234500\n')
  expect(await charged(lost, cgroup.path)).toEqual({ ...lost, vmCpuMs: 1234.5 })
  const told = { by: 'program', code: 0, usage: program } as const
  expect(await charged(told, cgroup.path)).toBe(told)
})

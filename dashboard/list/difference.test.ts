import { expect, test } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { firstDifference, rowsOf } from './difference.ts'

const record = (bootMs: number, phases: Record<string, number>): WorkloadRecord => ({
  id: 'a',
  status: 'completed',
  runtime: 'python',
  isolation: 'auto',
  labels: {},
  priority: 0,
  exit: { by: 'program', code: 0 },
  created_at: '2026-01-01T00:00:00Z',
  finished_at: '2026-01-01T00:00:01Z',
  run: {
    backend: 'fake',
    node: 'n',
    vm_id: 'v',
    start: 'boot',
    boot_ms: bootMs,
    phases_ms: phases,
    vsock: { status: 'closed', rtt_us: 0 },
  },
  stdout: '',
  stderr: '',
  dropped_bytes: { stdout: 0, stderr: 0 },
})

test('figures are told with their difference, phases of either run among them', () => {
  const rows = rowsOf(record(100, { vm: 10 }), record(150, { vm: 10, build: 5 }))
  const named = (name: string) => rows.find((row) => row.name === name)
  expect(named('Boot')).toEqual({ name: 'Boot', left: '100 ms', right: '150 ms', difference: '+50 %' })
  expect(named('Phase vm')?.difference).toBe('')
  expect(named('Phase build')).toMatchObject({ left: '–', right: '5 ms', difference: '' })
  expect(named('vsock round trip')?.difference).toBe('')
})

test('the first line that differs', () => {
  expect(firstDifference('a\nb', 'a\nb')).toBeUndefined()
  expect(firstDifference('a\nb', 'a\nc')).toBe(2)
  expect(firstDifference('a', 'a\nb')).toBe(2)
})

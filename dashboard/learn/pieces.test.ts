import { expect, test } from 'vitest'
import type { WorkloadSummary } from '../../src/api/workload.ts'
import { piecesOf } from './pieces.ts'

const summary: WorkloadSummary = {
  id: 'a',
  status: 'completed',
  runtime: 'python',
  isolation: 'auto',
  labels: {},
  priority: 0,
  created_at: '2026-01-01T00:00:00Z',
  run: {
    backend: 'firecracker',
    node: 'n',
    vm_id: 'v',
    start: 'boot',
    boot_ms: 120,
    phases_ms: { queue: 1, vm: 180, jailer: 20, boot: 120, program: 300 },
    vsock: { status: 'closed', rtt_us: 90 },
  },
}

test('only pieces that the record knows are told, with what was measured of them', () => {
  const pieces = piecesOf(summary)
  expect(pieces.map(({ name }) => name)).toEqual(['Queue', 'Jailer', 'Guest kernel', 'vsock', 'Program'])
  expect(pieces.find(({ name }) => name === 'Guest kernel')?.measured).toEqual(['120 ms', 'ready after 120 ms'])
  expect(pieces.find(({ name }) => name === 'vsock')?.measured).toEqual(['90 µs there and back', 'now closed'])
  expect(pieces.find(({ name }) => name === 'Program')?.measured).toEqual(['300 ms'])
})

test('the jail is that of this very run', () => {
  const details = { kernel: '6', image: 'i', uid: 7, cgroup: '/vulcan/1', network: { mode: 'none' as const } }
  const run = { ...summary.run!, details, phases_ms: { jailer: 2 } }
  expect(piecesOf({ ...summary, run }).map(({ measured }) => measured)).toEqual([['2 ms', 'user 7', '/vulcan/1']])
})

test('a vm that was restored is not said to have booted', () => {
  const run = { ...summary.run!, start: 'restore' as const, phases_ms: { queue: 1, vm: 30, load: 8, wake: 20 } }
  expect(piecesOf({ ...summary, run }).map(({ name }) => name)).toEqual(['Queue', 'Template', 'Waking'])
})

test('a vm that waited ready is said to have waited, not to have booted', () => {
  const run = { ...summary.run!, start: 'pool' as const, boot_ms: 5, phases_ms: { queue: 1, vm: 5, program: 20 } }
  const pieces = piecesOf({ ...summary, run })
  expect(pieces.map(({ name }) => name)).toEqual(['Queue', 'Pool', 'vsock', 'Program'])
  expect(pieces[1]).toMatchObject({ about: expect.stringContaining('waited ready'), measured: ['5 ms'] })
})

test('a vm that booted after its template failed is not said to have come from one', () => {
  const run = { ...summary.run!, phases_ms: { vm: 200, load: 8, boot: 120 } }
  expect(piecesOf({ ...summary, run }).map(({ name }) => name)).toEqual(['Guest kernel'])
})

test('without a run there is nothing to tell', () => {
  const { run: _run, ...waiting } = summary
  expect(piecesOf(waiting)).toEqual([])
})

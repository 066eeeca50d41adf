import { expect, test } from 'vitest'
import type { WorkloadSummary } from '../../api/workload.ts'
import { spansOf, type SpanShape } from './spans.ts'

const createdAt = Date.parse('2026-11-26T10:00:00.000Z')
const summary: WorkloadSummary = {
  id: 'id',
  status: 'completed',
  runtime: 'python',
  isolation: 'microvm',
  labels: {},
  priority: 0,
  exit: { by: 'program', code: 0 },
  created_at: new Date(createdAt).toISOString(),
  finished_at: new Date(createdAt + 500).toISOString(),
  run: {
    backend: 'firecracker',
    node: 'n',
    vm_id: 'v-1',
    start: 'boot',
    boot_ms: 150,
    phases_ms: { queue: 10, network: 20, jail: 5, boot: 150, vm: 200, upload: 2.5, program: 250 },
    phases_at_ms: { queue: 0, vm: 10, network: 11, jail: 11, boot: 60, upload: 211, program: 215 },
    vsock: { status: 'closed', rtt_us: 90 },
  },
}

/** A tree as `name begin-end` in milliseconds from the workload's creation, children indented. */
const drawing = (shape: SpanShape, indent = ''): string[] => [
  `${indent}${shape.name} ${shape.begunAt - createdAt}-${shape.endedAt - createdAt}`,
  ...shape.children.flatMap((child) => drawing(child, `${indent}  `)),
]

test('a workload and its phases, where the record says they began and as long as it says they took', () => {
  expect(drawing(spansOf(summary))).toEqual([
    'run python 0-500',
    '  queue 0-10',
    '  vm 10-210',
    '    network 11-31',
    '    jail 11-16',
    '    boot 60-210',
    '  upload 211-213.5',
    '  program 215-465',
  ])
  expect(spansOf(summary)).not.toHaveProperty('failure')
  expect(spansOf(summary).attributes).toMatchObject({ 'vulcan.workload.id': 'id', 'vulcan.vm.id': 'v-1' })
})

test('without recorded beginnings the phases follow each other', () => {
  const { phases_at_ms: _, ...run } = { ...summary.run!, phases_ms: { queue: 10, vm: 200, program: 250 } }
  expect(drawing(spansOf({ ...summary, run }))).toEqual([
    'run python 0-500',
    '  queue 0-10',
    '  vm 10-210',
    '  program 210-460',
  ])
})

test('what failed says why; without a run there is the workload alone', () => {
  const { run: _, ...bare } = summary
  const exit = { by: 'start_failed', message: 'no kernel', step: 'boot' } as const
  expect(spansOf({ ...bare, status: 'failed', exit })).toMatchObject({
    failure: 'no kernel',
    attributes: { 'vulcan.exit.by': 'start_failed', 'vulcan.exit.step': 'boot' },
    children: [],
  })
  expect(spansOf({ ...summary, status: 'failed', exit: { by: 'program', code: 3 } }).failure).toBe('program: 3')
  expect(spansOf({ ...summary, status: 'killed', exit: { by: 'killed' } })).not.toHaveProperty('failure')
})

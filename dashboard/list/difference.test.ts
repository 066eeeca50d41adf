import { expect, test } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import type { KeptRequest } from '../../src/api/request.ts'
import { askedRows, firstDifference, type Row, rowsOf } from './difference.ts'

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

test('results that begin alike and go on otherwise are told from each other', () => {
  const [left, right] = ['left', 'right'].map((word) => ({ ...record(1, {}), result: 'x'.repeat(500) + word }))
  expect(named(rowsOf(left!, right!), 'Result')).toMatchObject({ difference: 'not the same' })
  expect(named(rowsOf(left!, left!), 'Result')).toMatchObject({ difference: '' })
})

const kept = (request: Partial<KeptRequest['request']>, more: Partial<KeptRequest> = {}): KeptRequest => ({
  request: { runtime: 'python', code: 'x', resources: { cpus: 1, mem_mb: 256 }, ...request },
  env_names: Object.keys(request.env ?? {}),
  withheld: [],
  ...more,
})
const named = (rows: readonly Row[], name: string) => rows.find((row) => row.name === name)

test('what two were asked for stands side by side, without what neither was given', () => {
  const rows = askedRows(
    kept({ args: ['a'], network: 'none' }),
    kept(
      { network: { mode: 'internet', allow: ['b.example'] } },
      { archive: { format: 'zip', bytes: 10, kept: true } },
    ),
  )
  expect(named(rows, 'Program')).toMatchObject({ left: 'code', right: 'zip, 10 B' })
  expect(named(rows, 'Arguments')).toMatchObject({ left: '"a"', right: '–' })
  expect(named(rows, 'Network')).toMatchObject({ left: 'none', right: 'internet, only b.example' })
  expect(named(rows, 'Memory')).toMatchObject({ left: '256 MiB', right: '256 MiB', difference: '' })
  expect(named(rows, 'Environment')).toBeUndefined()
})

test('one argument of two words is not two arguments', () => {
  const row = named(askedRows(kept({ args: ['a b'] }), kept({ args: ['a', 'b'] })), 'Arguments')
  expect(row).toMatchObject({ left: '"a b"', right: '"a" "b"' })
})

test('values that are not shown, or not whole, are told to differ all the same', () => {
  const long = 'x'.repeat(500)
  const rows = askedRows(
    kept({ env: { TOKEN: 'one' }, input: [long, 1], stdin: 'left' }),
    kept({ env: { TOKEN: 'two' }, input: [long, 2], stdin: 'right' }),
  )
  expect(named(rows, 'Environment')).toEqual({
    name: 'Environment',
    left: 'TOKEN',
    right: 'TOKEN',
    difference: 'not the same',
  })
  expect(named(rows, 'Input')?.difference).toBe('not the same')
  // Both are there to be read.
  expect(named(rows, 'Standard input')?.difference).toBe('')
})

test('of what is withheld nothing is told, and of a request that is not kept there are dashes', () => {
  const withheld = kept({}, { env_names: ['TOKEN'], withheld: ['env', 'stdin'] })
  const rows = askedRows(kept({ env: { TOKEN: 'one' }, stdin: 'x' }), withheld)
  expect(named(rows, 'Standard input')).toMatchObject({ left: '"x"', right: 'not told' })
  expect(named(rows, 'Environment')).toMatchObject({ right: 'TOKEN', difference: '' })
  expect(askedRows(undefined, withheld).every(({ left }) => left === '–')).toBe(true)
})

test('the first line that differs', () => {
  expect(firstDifference('a\nb', 'a\nb')).toBeUndefined()
  expect(firstDifference('a\nb', 'a\nc')).toBe(2)
  expect(firstDifference('a', 'a\nb')).toBe(2)
})

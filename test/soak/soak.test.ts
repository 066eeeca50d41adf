import { expect, test } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { faultOf } from './judge.ts'
import { begun, kindOf, mix } from './mix.ts'
import { trendOf } from './slope.ts'

const series = (values: readonly number[]) => values.map((value, at) => ({ at: at * 10, value }))

test('what grows is seen to, whatever comes and goes beside it', () => {
  const load = (n: number) => [0, 9, 4, 12, 1][n % 5] ?? 0
  const flat = Array.from({ length: 40 }, (_, n) => 100 + load(n))
  expect(Math.abs(trendOf(series(flat)).grown)).toBeLessThan(2)
  const leaking = flat.map((value, n) => value + n)
  expect(trendOf(series(leaking)).grown).toBeGreaterThan(35)
  expect(trendOf(series(leaking)).grown).toBeLessThan(43)
})

test('one odd point does not make a slope', () => {
  const points = series([5, 5, 5, 5, 5, 5, 5, 900])
  expect(trendOf(points)).toEqual({ median: 5, grown: 0 })
})

test('any hundred in a row have the shares of the mix', () => {
  expect(mix.reduce((all, { share }) => all + share, 0)).toBe(100)
  for (const from of [0, 137]) {
    const names = Array.from({ length: 100 }, (_, n) => kindOf(from + n).name)
    for (const { name, share } of mix) expect(names.filter((one) => one === name)).toHaveLength(share)
  }
})

const python = kindOf(0)
const record = (o: Partial<WorkloadRecord>) =>
  ({ exit: { by: 'program' }, stdout: `${begun}\n42\n`, stderr: '', ...o }) as unknown as WorkloadRecord
const life = { kind: python, ends: 1, met: false }

test('one that ended as its kind does, having said what it had to, is well', () => {
  expect(python.name).toBe('python')
  expect(faultOf(record({}), life)).toBeUndefined()
  expect(faultOf(record({ stdout: `${begun}\n` }), life)).toContain('it said')
  expect(faultOf(record({ stdout: '42\n' }), life)).toBe('it never began')
  expect(faultOf(record({ exit: { by: 'timeout' } as never }), life)).toContain('by timeout, not by program')
})

test('a vm may be lost with the server alone, and no program begins or ends twice, lost or not', () => {
  const lost = record({ exit: { by: 'vm_lost' } as never, stdout: '' })
  expect(faultOf(lost, life)).toContain('by vm_lost')
  expect(faultOf(lost, { ...life, met: true })).toBeUndefined()
  const twice = record({ exit: { by: 'vm_lost' } as never, stdout: `${begun}\n${begun}\n` })
  expect(faultOf(twice, { ...life, met: true })).toBe('it began 2 times')
  expect(faultOf(record({}), { ...life, ends: 2 })).toContain('2 ends')
})

import { expect, test } from 'vitest'
import { testSpec } from '../backend/testing.ts'
import { beginning, buildDeadlineMs, going } from './position.ts'

const spec = testSpec({ stdin: Buffer.from('typed') })
const attached = {
  tag: 'program',
  stdin_bytes: 2,
  stdin_ended: false,
  wall_us: 10_000_000,
  ended: false,
} as const
const after = (ms: number) => ({ sinceStartMs: ms })

test('a program that begins has all of its time and input, a build the time of builds and no input', () => {
  expect(beginning(spec, 'program')).toEqual({ tag: 'program', ranMs: 0, leftMs: 60_000, stdin: spec.stdin })
  expect(beginning(spec, 'build')).toEqual({ tag: 'build', ranMs: 0, leftMs: buildDeadlineMs })
})

test('one that went on has what is left, counted from the first start', () => {
  const rest = { tag: 'program', ranMs: 10_000, leftMs: 48_000, stdin: Buffer.from('ped') }
  expect(going({ spec, builds: false, attached, ...after(12_000) })).toEqual(rest)
  expect(going({ spec, builds: false, attached, ...after(90_000) }).leftMs).toBe(0)
})

test('a host whose clock went back does not give time twice', () => {
  expect(going({ spec, builds: false, attached, ...after(-5000) }).leftMs).toBe(50_000)
})

test('where a build came first, the program’s own time counts', () => {
  expect(going({ spec, builds: true, attached, ...after(200_000) }).leftMs).toBe(50_000)
  const building = { ...attached, tag: 'build', stdin_bytes: 0, stdin_ended: true } as const
  expect(going({ spec, builds: true, attached: building, ...after(200_000) })).toEqual({
    tag: 'build',
    ranMs: 10_000,
    leftMs: buildDeadlineMs - 10_000,
  })
})

test('one that has ended is not killed for the time that nobody looked, but for never coming to its end', () => {
  const ended = { ...attached, ended: true }
  expect(going({ spec, builds: false, attached: ended, ...after(90_000) })).toEqual({
    ...{ tag: 'program', ranMs: 10_000, leftMs: 120_000, ended: true },
  })
})

test('input that was all taken is not sent again', () => {
  const all = { ...attached, stdin_bytes: 5, stdin_ended: true }
  expect(going({ spec, builds: false, attached: all, ...after(1000) })).not.toHaveProperty('stdin')
  // Taken, but not its end: an empty rest is sent, which is the end.
  const unended = { ...attached, stdin_bytes: 5 }
  expect(going({ spec, builds: false, attached: unended, ...after(1000) }).stdin).toHaveLength(0)
})

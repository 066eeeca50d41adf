import { expect, test } from 'vitest'
import { encode } from '../base/frames.ts'
import { fitFaults, handedMaxBytes, stringMaxBytes } from './fits.ts'

const x = (times: number) => 'x'.repeat(times)
const paths = (handed: Parameters<typeof fitFaults>[0]) => fitFaults(handed).map(({ path }) => path)

test('an argument is as long as Linux gives it to a program, in bytes, and no longer', () => {
  expect(paths({ args: ['a', x(stringMaxBytes)] })).toEqual([])
  expect(paths({ args: ['a', x(stringMaxBytes + 1)] })).toEqual(['/args/1'])
  expect(paths({ args: ['é'.repeat(stringMaxBytes / 2 + 1)] })).toEqual(['/args/0'])
})

test('a variable is so with its name', () => {
  expect(paths({ env: { NAME: x(stringMaxBytes - 'NAME='.length) } })).toEqual([])
  expect(paths({ env: { 'a/b': 'short', NAME: x(stringMaxBytes - 'NAME='.length + 1) } })).toEqual(['/env/NAME'])
})

test('of all together that is at fault which takes most, as the text that it is sent as', () => {
  expect(paths({ input: x(handedMaxBytes - 100) })).toEqual([])
  expect(paths({ input: x(handedMaxBytes) })).toEqual(['/input'])
  expect(paths({ input: '"'.repeat(handedMaxBytes / 3) })).toEqual(['/input'])
  const many = Array.from({ length: 10 }, () => x(100_000))
  expect(paths({ args: many, input: 1 })).toEqual(['/args'])
  expect(fitFaults({ args: many })[0]?.message).toContain(`at most ${handedMaxBytes}`)
})

test('what is taken goes into one frame, with much of our own beside it', () => {
  const handed = { args: Array.from({ length: 7 }, () => x(131_000)), input: '"'.repeat(15_000) }
  expect(paths(handed)).toEqual([])
  const ours = { env: { PATH: x(20_000) }, argv: ['python3', 'main.py', ...handed.args], op: 'exec' }
  expect(() => encode({ type: 'control', message: { ...ours, input: JSON.stringify(handed.input) } })).not.toThrow()
})

import { expect, test } from 'vitest'
import type { KeptRequest } from '../../src/api/request.ts'
import { lackingOf } from './lacking.ts'

const whole: KeptRequest = { request: { runtime: 'python', code: 'x' }, env_names: [], withheld: [] }
const archive = { format: 'zip', bytes: 10, kept: true } as const

test('nothing lacks of what the form holds whole', () => {
  expect(lackingOf(whole)).toEqual([])
  expect(lackingOf({ ...whole, request: { runtime: 'python' }, archive })).toEqual([])
})

test('what only its owner is told is named, the archive with it', () => {
  expect(lackingOf({ ...whole, withheld: ['code', 'args', 'env', 'stdin', 'input'] })).toEqual([
    'Only the key that handed it in, or an admin, is told the code, the arguments, the values of its environment, ' +
      'its standard input, its input.',
  ])
  expect(lackingOf({ ...whole, archive, withheld: ['env'] })).toEqual([
    'Only the key that handed it in, or an admin, is told the values of its environment, the archive.',
  ])
})

test('an archive that is gone is to be chosen anew', () => {
  expect(lackingOf({ ...whole, archive: { ...archive, kept: false } })).toEqual([
    'Its archive is not kept any more: choose the files anew.',
  ])
})

test('line breaks in arguments and values are told of: a field has one a line', () => {
  const about = [expect.stringContaining('line breaks')]
  expect(lackingOf({ ...whole, request: { ...whole.request, args: ['a', 'b\nc'] } })).toEqual(about)
  expect(lackingOf({ ...whole, request: { ...whole.request, env: { A: '1\r\n' } } })).toEqual(about)
})

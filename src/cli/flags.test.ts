import { expect, test } from 'vitest'
import { InvalidBody } from '../api/problem.ts'
import { wordsOf } from './exits.ts'

const said = (...faults: [string, string][]): string =>
  wordsOf(new InvalidBody(faults.map(([path, message]) => ({ path, message }))))

test('each fault names the flag that was typed, not the field that the server saw', () => {
  expect(said(['/resources/mem_mb', 'must be integer'])).toBe('invalid_field: --mem must be integer')
  expect(said(['/querystring/limit', 'must be >= 1'])).toBe('invalid_field: --limit must be >= 1')
  expect(said(['/resources/cpus', 'must be <= 2'], ['/priority', 'must be <= 100'])).toBe(
    'invalid_field: --cpus must be <= 2; --priority must be <= 100',
  )
})

test('a variable and a label are named with their flag, of a list the flag is enough', () => {
  expect(said(['/env/A~1B~01', 'must be shorter'])).toBe('invalid_field: --env A/B~1 must be shorter')
  expect(said(['/labels/team', 'must be shorter'])).toBe('invalid_field: --label team must be shorter')
  expect(said(['/scopes/0', 'must be one of run'])).toBe('invalid_field: --scope must be one of run')
})

test('what no flag stands for stays as it is, and so does a path in the words', () => {
  expect(said(['/resources/gpus', 'is not a known field'])).toBe('invalid_field: /resources/gpus is not a known field')
  expect(said(['/entrypoint', 'is not /env or /input'])).toBe('invalid_field: --entrypoint is not /env or /input')
})

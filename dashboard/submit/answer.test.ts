import { expect, test } from 'vitest'
import { VulcanError } from '../../src/api/errors.ts'
import { InvalidBody, problemOf } from '../../src/api/problem.ts'
import { answerOf, without } from './answer.ts'
import { Refused } from './upload.ts'

/** As it comes of an error of the server's. */
const answerTo = (error: VulcanError) => answerOf(new Refused(problemOf(error)))

test('each fault stands at its field, and above the button all of them, those without a field too', () => {
  const { faults, trouble } = answerTo(
    new InvalidBody([
      { path: '/resources/cpus', message: 'must be <= 4' },
      { path: '/labels/team', message: 'is too long' },
      { path: '/env/A B', message: 'is no name' },
    ]),
  )
  expect(faults).toEqual({ cpus: 'must be <= 4', env: 'is no name' })
  expect(trouble).toContain('/labels/team is too long')
})

test('several faults of one field are all told there', () => {
  const { faults } = answerTo(
    new InvalidBody([
      { path: '/network/allow/0', message: '“a b” is no name' },
      { path: '/network/allow/2', message: '“10.0.0.0/99” is no block' },
    ]),
  )
  expect(faults).toEqual({ allow: '“a b” is no name; “10.0.0.0/99” is no block' })
})

test('an error that is of one field by its kind stands there without naming it, with what can be done above', () => {
  const hint = 'name one with entrypoint'
  expect(answerTo(new VulcanError('entrypoint_ambiguous', 'a.py or b.py?', { hint }))).toEqual({
    faults: { entrypoint: 'a.py or b.py?' },
    trouble: `a.py or b.py? — ${hint}`,
  })
  expect(answerTo(new VulcanError('archive_corrupt', 'cut off')).faults).toEqual({ files: 'cut off' })
  expect(answerTo(new VulcanError('backend_missing', 'no gvisor', { field: '/isolation' })).faults).toEqual({
    isolation: 'no gvisor',
  })
})

test('what is of no field is told above the button alone, and so is what came from between us and the server', () => {
  expect(answerTo(new VulcanError('overloaded', 'the queue is full'))).toEqual({
    faults: {},
    trouble: 'the queue is full',
  })
  expect(answerOf(new Refused({ detail: 'the server answered 502' }))).toEqual({
    faults: {},
    trouble: 'the server answered 502',
  })
  expect(answerOf(new Error('lost'))).toEqual({ faults: {}, trouble: 'lost' })
})

test('a fault goes when its field is changed, and the others stay', () => {
  expect(without({ cpus: 'too many', env: 'no name' }, ['cpus', 'runtime'])).toEqual({ env: 'no name' })
})

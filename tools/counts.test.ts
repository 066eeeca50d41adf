import { expect, test } from 'vitest'
import { countGo, countVitest, sum } from './counts.ts'

const strict = { skipsFail: true, stderr: 'the mirror is down' }
const lenient = { ...strict, skipsFail: false }

function report(passed: number, ...testResults: object[]): string {
  return JSON.stringify({ numPassedTests: passed, testResults })
}

test('vitest: passed and failed are told apart, skips count where they must not be', () => {
  const text = report(3, {
    name: 'a.test.ts',
    status: 'failed',
    assertionResults: [
      { status: 'passed', fullName: 'works' },
      { status: 'failed', fullName: 'breaks', failureMessages: ['because'] },
      { status: 'skipped', fullName: 'waits', failureMessages: [] },
    ],
  })
  const broke = ['FAILED a.test.ts > breaks (failed)', 'because']
  expect(countVitest(text, lenient)).toEqual({ passed: 3, failed: 1, told: broke })
  const skipped = 'FAILED a.test.ts > waits (skipped)'
  expect(countVitest(text, strict)).toEqual({ passed: 3, failed: 2, told: [...broke, skipped] })
})

test('vitest: what passed only when tried again is told, and is no failure', () => {
  const flaky = { status: 'passed', fullName: 'hesitates', failureMessages: ['too early'] }
  const text = report(1, { name: 'a.test.ts', status: 'passed', assertionResults: [flaky] })
  const told = ['TRIED AGAIN a.test.ts > hesitates', 'too early']
  expect(countVitest(text, strict)).toEqual({ passed: 1, failed: 0, told })
})

test('vitest: what was left out for want of time is told, and is neither; what was skipped beside it is a failure', () => {
  const late = { status: 'skipped', fullName: 'late', failureMessages: [], meta: { leftOut: true } }
  const skipped = { ...late, fullName: 'skipped', meta: {} }
  const assertionResults = [{ status: 'passed', fullName: 'in time', meta: {} }, late, skipped]
  const told = ['LEFT OUT a.test.ts > late: there was no time', 'FAILED a.test.ts > skipped (skipped)']
  expect(countVitest(report(1, { name: 'a.test.ts', status: 'passed', assertionResults }), strict)).toEqual({
    passed: 1,
    failed: 1,
    told,
  })
})

test('vitest: no report, no files and a file that does not load are failures', () => {
  const nothing = { passed: 0, failed: 1, told: [expect.any(String), 'the mirror is down'] }
  expect(countVitest('', lenient)).toEqual(nothing)
  expect(countVitest(report(0), lenient)).toEqual(nothing)
  const broken = { name: 'b.test.ts', status: 'failed', message: 'no such module', assertionResults: [] }
  expect(countVitest(report(3, broken), lenient)).toEqual({
    passed: 3,
    failed: 1,
    told: ['FAILED b.test.ts', 'no such module'],
  })
})

test('go: tests, skips and packages that do not build', () => {
  const events = [
    { Action: 'pass', Package: 'a', Test: 'TestOne' },
    { Action: 'pass', Package: 'a' },
    { Action: 'output', Package: 'b', Test: 'TestTwo', Output: 'why\n' },
    { Action: 'fail', Package: 'b', Test: 'TestTwo' },
    { Action: 'fail', Package: 'b' },
    { Action: 'skip', Package: 'c', Test: 'TestThree' },
    { Action: 'build-output', ImportPath: 'd', Output: 'syntax error\n' },
    { Action: 'fail', Package: 'd' },
  ]
  const text = events.map((event) => JSON.stringify(event)).join('\n')
  const told = ['why', 'FAILED b TestTwo (fail)', 'FAILED c TestThree (skip)', 'syntax error', 'FAILED d (fail)']
  expect(countGo(text)).toEqual({ passed: 1, failed: 3, told })
  expect(countGo('')).toMatchObject({ passed: 0, failed: 1 })
})

test('sums', () => {
  const counts = [
    { passed: 1, failed: 0, told: [] },
    { passed: 2, failed: 3, told: ['why'] },
  ]
  expect(sum(counts)).toEqual({ passed: 3, failed: 3, told: ['why'] })
})

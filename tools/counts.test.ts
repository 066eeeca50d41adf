import { expect, test } from 'vitest'
import { countGo, countVitest, sum } from './counts.ts'

const report = (o: object) =>
  JSON.stringify({
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    testResults: [{ status: 'passed', assertionResults: [] }],
    ...o,
  })

test('vitest: passed and failed are told, skips count where they must not be', () => {
  expect(countVitest(report({ numFailedTests: 1 }), { skipsFail: false })).toEqual({ passed: 3, failed: 1 })
  expect(countVitest(report({ numPendingTests: 2 }), { skipsFail: false })).toEqual({ passed: 3, failed: 0 })
  expect(countVitest(report({ numPendingTests: 2 }), { skipsFail: true })).toEqual({ passed: 3, failed: 2 })
})

test('vitest: no report, no files and a file that does not load are failures', () => {
  expect(countVitest('', { skipsFail: false }).failed).toBe(1)
  expect(countVitest(report({ numPassedTests: 0, testResults: [] }), { skipsFail: false }).failed).toBe(1)
  const broken = { testResults: [{ status: 'failed', assertionResults: [] }] }
  expect(countVitest(report(broken), { skipsFail: false })).toEqual({ passed: 3, failed: 1 })
})

test('go: tests, skips and packages that do not build', () => {
  const events = [
    { Action: 'pass', Package: 'a', Test: 'TestOne' },
    { Action: 'pass', Package: 'a' },
    { Action: 'output', Package: 'b', Test: 'TestTwo', Output: 'why\n' },
    { Action: 'fail', Package: 'b', Test: 'TestTwo' },
    { Action: 'fail', Package: 'b' },
    { Action: 'skip', Package: 'c', Test: 'TestThree' },
    { Action: 'fail', Package: 'd' },
  ]
  const text = events.map((event) => JSON.stringify(event)).join('\n')
  expect(countGo(text)).toEqual({ passed: 1, failed: 3, told: ['why'] })
  expect(countGo('')).toMatchObject({ passed: 0, failed: 1 })
})

test('sums', () => {
  expect(
    sum([
      { passed: 1, failed: 0 },
      { passed: 2, failed: 3 },
    ]),
  ).toEqual({ passed: 3, failed: 3 })
})

/** Counts tests in what the runners report, and says what went wrong with which. Pure. */

export interface Counts {
  readonly passed: number
  readonly failed: number
  /**
   * Lines about each failure and each test that passed only when tried again: its name, then what it said; and about each
   * that was left out because there was no time.
   */
  readonly told: readonly string[]
}

interface VitestReport {
  readonly numPassedTests: number
  readonly testResults: readonly VitestFile[]
}

interface VitestFile {
  readonly name: string
  readonly status: string
  readonly message?: string
  readonly assertionResults: readonly VitestTest[]
}

interface VitestTest {
  readonly status: string
  readonly fullName: string
  readonly failureMessages?: readonly string[] | null
  readonly meta?: { readonly leftOut?: true }
}

const passes = new Set(['passed', 'todo'])
const skips = new Set(['skipped', 'pending', 'disabled'])

/** Of vitest's JSON report, and what it said where it tested nothing. A file that failed without a failed test of its own counts as one failure. */
export function countVitest(report: string, o: { skipsFail: boolean; stderr: string }): Counts {
  if (report === '') return { passed: 0, failed: 1, told: ['FAILED vitest made no report', o.stderr] }
  const { numPassedTests, testResults } = JSON.parse(report) as VitestReport
  // With no file at all, nothing was tested, which is no success.
  const failures = testResults.length === 0 ? [['FAILED vitest came to no test file', o.stderr]] : []
  const flaky: string[][] = []
  const leftOut: string[] = []
  for (const file of testResults) {
    const late = file.assertionResults.filter(({ meta }) => meta?.leftOut)
    leftOut.push(...late.map(({ fullName }) => `LEFT OUT ${file.name} > ${fullName}: there was no time`))
    const isBad = ({ status, meta }: VitestTest) =>
      !passes.has(status) && !meta?.leftOut && (o.skipsFail || !skips.has(status))
    const bad = file.assertionResults.filter(isBad)
    for (const { fullName, status, failureMessages } of bad) {
      failures.push([`FAILED ${file.name} > ${fullName} (${status})`, ...(failureMessages ?? [])])
    }
    const again = file.assertionResults.filter((test) => test.status === 'passed' && test.failureMessages?.length)
    flaky.push(...again.map((test) => [`TRIED AGAIN ${file.name} > ${test.fullName}`, ...(test.failureMessages ?? [])]))
    const failedItself = !file.assertionResults.some(({ status }) => status === 'failed')
    if (file.status === 'failed' && failedItself) failures.push([`FAILED ${file.name}`, file.message ?? ''])
  }
  return { passed: numPassedTests, failed: failures.length, told: [...leftOut, ...flaky.flat(), ...failures.flat()] }
}

interface GoEvent {
  readonly Action: string
  readonly Package?: string
  readonly Test?: string
  readonly Output?: string
}

/** Of `go test -json`. A package that failed without a failed test (it did not build) counts as one failure, as does a skip. */
export function countGo(report: string): Counts {
  const events = report.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as GoEvent] : []))
  if (events.length === 0) return { passed: 0, failed: 1, told: ['FAILED go test made no report'] }
  const tests = events.filter(({ Test }) => Test !== undefined)
  const bad = tests.filter(({ Action }) => Action === 'fail' || Action === 'skip')
  const withFailures = new Set(bad.map((event) => event.Package))
  const broken = events.filter(
    ({ Action, Test, Package }) => Action === 'fail' && Test === undefined && !withFailures.has(Package),
  )
  const names = new Set([...bad, ...broken].map((event) => `${event.Package} ${event.Test}`))
  const told = events.flatMap((event) => {
    const { Action, Package, Test, Output } = event
    if (bad.includes(event) || broken.includes(event))
      return [`FAILED ${[Package, Test].filter(Boolean).join(' ')} (${Action})`]
    const itsOwn = Action === 'output' && names.has(`${Package} ${Test}`)
    return itsOwn || Action === 'build-output' ? [(Output ?? '').trimEnd()] : []
  })
  const passed = tests.filter(({ Action }) => Action === 'pass').length
  return { passed, failed: bad.length + broken.length, told }
}

export function sum(counts: readonly Counts[]): Counts {
  return {
    passed: counts.reduce((total, { passed }) => total + passed, 0),
    failed: counts.reduce((total, { failed }) => total + failed, 0),
    told: counts.flatMap(({ told }) => told),
  }
}

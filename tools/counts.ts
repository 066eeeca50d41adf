/** Counts tests in what the runners report. Pure. */

export interface Counts {
  readonly passed: number
  readonly failed: number
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { status: string }[] }[]
}

/** Of vitest's JSON report. A file that failed without a failed test of its own counts as one failure. */
export function countVitest(report: string, o: { skipsFail: boolean }): Counts {
  if (report === '') return { passed: 0, failed: 1 }
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(report) as VitestReport
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  )
  // With no file at all, nothing was tested, which is no success.
  const none = testResults.length === 0 ? 1 : 0
  const failed = numFailedTests + broken.length + none + (o.skipsFail ? numPendingTests : 0)
  return { passed: numPassedTests, failed }
}

interface GoEvent {
  readonly Action: string
  readonly Package?: string
  readonly Test?: string
  readonly Output?: string
}

/** Of `go test -json`. A package that failed without a failed test (it did not build) counts as one failure, as does a skip. */
export function countGo(report: string): Counts & { readonly told: readonly string[] } {
  const events = report.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as GoEvent] : []))
  const tests = events.filter(({ Test }) => Test !== undefined)
  const bad = tests.filter(({ Action }) => Action === 'fail' || Action === 'skip')
  const withFailures = new Set(bad.map((event) => event.Package))
  const broken = events.filter(
    ({ Action, Test, Package }) => Action === 'fail' && Test === undefined && !withFailures.has(Package),
  )
  const names = new Set(bad.map((event) => `${event.Package} ${event.Test}`))
  const told = events.flatMap(({ Action, Package, Test, Output }) =>
    (Action === 'output' && names.has(`${Package} ${Test}`)) || Action === 'build-output'
      ? [(Output ?? '').trimEnd()]
      : [],
  )
  const passed = tests.filter(({ Action }) => Action === 'pass').length
  return { passed, failed: bad.length + broken.length + (events.length === 0 ? 1 : 0), told }
}

export function sum(counts: readonly Counts[]): Counts {
  return {
    passed: counts.reduce((total, { passed }) => total + passed, 0),
    failed: counts.reduce((total, { failed }) => total + failed, 0),
  }
}

/** Where a run of tests has only so much time, as one that is cut off then, it leaves out what it would not come to, and says so. */
import { basename } from 'node:path'
import { test, TestRunner } from 'vitest'

declare module 'vitest' {
  interface TaskMeta {
    /** In place of a file that was left out: there was no time. */
    leftOut?: true
  }
}

/** In seconds of the epoch. */
const until = Number(process.env['VULCAN_TEST_UNTIL'] || Infinity)
if (Number.isNaN(until)) throw new Error('VULCAN_TEST_UNTIL is not a number of seconds')

// Vitest takes a runner by this name.
// oxlint-disable-next-line import/no-default-export
export default class UntilThen extends TestRunner {
  /** What the criteria ask for is never left out. */
  override importFile(path: string, source: 'collect' | 'setup'): unknown {
    const essential = basename(path).startsWith('criterion-')
    if (source === 'setup' || essential || Date.now() / 1000 < until) return super.importFile(path, source)
    // oxlint-disable-next-line vitest/expect-expect
    test('was left out, as there was no time', { skip: true, meta: { leftOut: true } }, () => undefined)
    return undefined
  }
}

/** Where a run of tests has only so much time, as one that is cut off then, it leaves out what it would not come to, and says so. */
import { basename } from 'node:path'
import { type RunnerTask, test, TestRunner } from 'vitest'
import { isTooLate } from './until.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** It was left out, or stands for a file that was: there was no time. */
    leftOut?: true
  }
}

/** Seconds that a file's one test may take beyond what any other does. */
const longer = (name: string): number => (name.startsWith('conformance-') ? 900 : 0)

/** What the criteria ask for is never left out. */
function isLate(path: string): boolean {
  const name = basename(path)
  return !name.startsWith('criterion-') && isTooLate(longer(name))
}

// Vitest takes a runner by this name.
// oxlint-disable-next-line import/no-default-export
export default class UntilThen extends TestRunner {
  /** A file without its hooks. */
  override importFile(path: string, source: 'collect' | 'setup'): unknown {
    if (source === 'setup' || !isLate(path)) return super.importFile(path, source)
    // oxlint-disable-next-line vitest/expect-expect
    test('all of it', { skip: true, meta: { leftOut: true } }, () => undefined)
    return undefined
  }

  /** Of a file that had begun: one that is tried again is not asked about. */
  override async onBeforeRunTask(task: RunnerTask): Promise<void> {
    await super.onBeforeRunTask(task)
    if (task.mode !== 'run' || !isLate(task.file.filepath)) return
    task.mode = 'skip'
    task.meta.leftOut = true
  }
}

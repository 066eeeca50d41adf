import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { Order } from './test/order.ts'
import { machines } from './test/system/places.ts'

/** Tests on machines: files take turns on each. Under emulation a boot takes seconds. */
const onVms = {
  globalSetup: ['test/system/setup.ts'],
  runner: 'test/untilthen.ts',
  maxWorkers: machines,
  testTimeout: 480_000,
  hookTimeout: 480_000,
}

export default defineConfig({
  test: {
    // Files share workers: starting one for each file costs more than the tests do.
    pool: 'threads',
    isolate: false,
    // As many as there are processors: half of the tests’ time is waiting for others.
    maxWorkers: Math.max(2, availableParallelism()),
    // For what a loaded host does: an emulated machine that hangs takes a test with it and is started anew by its keeper; a
    // browser, or a real process, that shares two processors is late. `npm test` tells at its end what needed it.
    retry: 1,
    sequence: { sequencer: Order },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/*.test.ts',
            'test/contract/**/*.test.ts',
            'test/soak/*.test.ts',
            'tools/**/*.test.ts',
            'dashboard/**/*.test.ts',
          ],
          // Far above what any takes: a slow computer is no failure, a test that hangs is one.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          // A browser and a server each: files take turns.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          ...onVms,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          ...onVms,
          // What goes wrong once in two tries is what these are for.
          retry: 0,
          globalSetup: ['test/faults/setup.ts'],
        },
      },
    ],
  },
})

import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { machines } from './test/system/places.ts'

/** Tests on machines: files take turns on each. Under emulation a boot takes seconds. */
const onVms = {
  globalSetup: ['test/system/setup.ts'],
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
          // They share two processors with a set-up and use real processes and sockets; what needed it is told at the end.
          retry: 1,
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
          // A browser that shares two processors with a server drops a frame now and then.
          retry: 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          ...onVms,
          // An emulated machine that hangs or panics is started anew by its keeper; the test it took with it gets a second try.
          retry: 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          ...onVms,
          globalSetup: ['test/faults/setup.ts'],
          retry: 1,
        },
      },
    ],
  },
})

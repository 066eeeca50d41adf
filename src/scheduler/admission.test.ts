import { expect, test } from 'vitest'
import { admit, usualRuns, type Limits } from './admission.ts'
import { testSettings } from './testing.ts'

const offers = [{ name: 'fake', online: true, isolation: ['microvm'] }]
const low: Limits = { ...testSettings.limits, cpus: 0.5, memMib: 128, timeoutS: 10, diskMib: 100, pids: 64 }
const admitted = (resources: object, limits = low) =>
  admit({ runtime: 'go', code: 'x', resources }, { limits, offers, uploaded: false }).rest.resources

test('a request that names no resources is never refused for them: what is usual gives way to the limits', () => {
  expect(admitted({})).toEqual({ cpus: 0.5, memMib: 128, timeoutMs: 10_000, diskMib: 100, pids: 64 })
  expect(admitted({ pids: 8 })).toMatchObject({ memMib: 128, pids: 8 })
  expect(() => admitted({ timeout_s: 30 })).toThrow('/resources/timeout_s is 30; at most 10')
})

test('where the limits allow it, it is the usual', () => {
  expect(admitted({}, testSettings.limits)).toEqual({
    cpus: 1,
    memMib: 1024,
    timeoutMs: 30_000,
    diskMib: 512,
    pids: 256,
  })
})

test('a vm that is made ready for nobody yet is the one that such a request is given', () => {
  expect(usualRuns(low).find(({ runtime }) => runtime === 'go')?.resources).toEqual(admitted({}))
})

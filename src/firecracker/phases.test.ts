import { expect, test } from 'vitest'
import { VulcanError } from '../api/errors.ts'
import { deadline, sleep } from '../base/time.ts'
import { together } from '../base/together.ts'
import { Phases } from './phases.ts'

const fail = (error: Error) => async () => {
  throw error
}

test('each phase has its beginning and its duration, also one that failed and one that came twice', async () => {
  const phases = new Phases()
  await phases.time('vm', async () => {
    await phases.time('jail', fail(new Error('no'))).catch(() => undefined)
    await phases.time('jail', () => Promise.resolve())
  })
  expect(Object.keys(phases.toRecord()).sort()).toEqual(['jail', 'vm'])
  expect(Object.keys(phases.begun())).toEqual(['vm', 'jail'])
  expect(phases.begun()['jail']).toBeGreaterThanOrEqual(phases.begun()['vm'] ?? Infinity)
  expect(phases.toRecord()['vm']).toBeGreaterThanOrEqual(phases.toRecord()['jail'] ?? Infinity)
})

test('phases that an earlier process began go on: its figures stay, later ones come behind', async () => {
  const phases = Phases.after({ phasesMs: { vm: 900 }, phasesAtMs: { vm: 0, build: 950 } }, 5000)
  phases.add('build', 4000)
  await phases.time('program', () => Promise.resolve())
  expect(phases.toRecord()).toMatchObject({ vm: 900, build: 4000 })
  expect(phases.begun()).toMatchObject({ vm: 0, build: 950 })
  expect(phases.begun()['program']).toBeGreaterThanOrEqual(5950)
})

test('the end of a phase can be the beginning of the next, of no more than it took', async () => {
  const phases = new Phases()
  phases.add('program', 100)
  phases.cede('program', 'collect', 30)
  expect(phases.toRecord()).toEqual({ program: 70, collect: 30 })
  phases.cede('program', 'collect', -5)
  phases.cede('program', 'collect', 1000)
  await phases.time('collect', () => Promise.resolve())
  expect(phases.toRecord()).toEqual({ program: 0, collect: expect.closeTo(100, 0) as number })
})

test('the innermost phase that an error came from is known, also where phases beside it were ended by it', async () => {
  const phases = new Phases()
  const late = new Error('no address')
  const beside = together(
    new AbortController().signal,
    () => phases.time('network', fail(late)),
    (signal) => phases.time('jail', () => sleep(60_000, signal)),
  )
  await expect(phases.time('vm', () => beside)).rejects.toBe(late)
  expect(phases.failedIn(late)).toBe('network')
  expect(phases.failedIn(new Error('another'))).toBeUndefined()
})

test('a start that ran out of time says in which phase, and one that was aborted keeps the reason', async () => {
  const phases = new Phases()
  const starting = deadline('starting it', { timeoutMs: 5 }, async (signal) => {
    try {
      return await phases.time('vm', () => phases.time('network', () => sleep(60_000, signal)))
    } catch (error) {
      throw phases.reasonOf(error, signal)
    }
  })
  await expect(starting).rejects.toMatchObject({ step: 'network', message: 'starting it: not done after 5 ms' })
  const asked = new Error('killed')
  expect(phases.reasonOf(asked, AbortSignal.abort(asked))).toBe(asked)
})

test('an error is named by its own step, else by the innermost phase it was thrown in', async () => {
  const phases = new Phases()
  const late = new Error('not done after 5 ms')
  await expect(phases.time('vm', () => phases.time('boot', fail(late)))).rejects.toBe(late)
  expect(phases.named(late)).toMatchObject({
    code: 'vm_start_failed',
    step: 'boot',
    message: late.message,
    cause: late,
  })
  const own = new VulcanError('network_failed', 'no bridge', { step: 'CNI ADD' })
  await expect(phases.time('network', fail(own))).rejects.toBe(own)
  expect(phases.named(own)).toBe(own)
  const bare = new VulcanError('guest_failed', 'no', { hint: 'look' })
  await expect(phases.time('upload', fail(bare))).rejects.toBe(bare)
  expect(phases.named(bare)).toMatchObject({ code: 'guest_failed', step: 'upload', hint: 'look' })
  expect(phases.named('odd')).toMatchObject({ code: 'vm_start_failed', step: 'start', message: 'odd' })
})

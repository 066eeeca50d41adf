import { expect, test } from 'vitest'
import { exitReasons } from '../src/api/workload.ts'
import { storyOf } from './words.ts'

test('an exit is told in words that name the limit and what to do', () => {
  const oom = storyOf({ status: 'failed', exit: { by: 'oom' } }, { memMb: 256 })
  expect(oom.title).toBe('Killed: out of memory at 256 MB')
  expect(oom.advice).toContain('mem_mb')
  expect(storyOf({ status: 'failed', exit: { by: 'timeout' } }, { timeoutS: 3 }).title).toContain('for 3 s')
  expect(storyOf({ status: 'completed', exit: { by: 'program', code: 0 } })).toEqual({ title: 'Completed' })
  expect(storyOf({ status: 'failed', exit: { by: 'program', code: 3 } }).title).toContain('exit code 3')
  expect(storyOf({ status: 'failed', exit: { by: 'program', signal: 'SIGSEGV' } }).advice).toContain('memory')
  expect(storyOf({ status: 'failed', exit: { by: 'start_failed', step: 'boot' } }).title).toContain('boot failed')
})

test('every reason has words, and a limit that is not known is not told', () => {
  for (const by of exitReasons) expect(storyOf({ status: 'failed', exit: { by } }).title).not.toMatch(/undefined|NaN/)
})

test('who waits is told where', () => {
  expect(storyOf({ status: 'pending', place: 3 }).title).toContain('number 3')
  expect(storyOf({ status: 'pending' }).title).toBe('Waiting for a microVM')
})

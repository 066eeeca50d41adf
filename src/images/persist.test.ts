import { expect, test } from 'vitest'
import { CommandFailed } from '../base/process.ts'
import { persist } from './persist.ts'

const failed = (stderr: string) =>
  new CommandFailed({ argv: ['fetch'], code: 1, signal: undefined, why: 'exit', stdout: '', stderr })

function place() {
  const notes: string[] = []
  const abort = new AbortController()
  const progress = { step: <T>(_: string, body: (step: { update(): void }) => Promise<T>) => body({ update() {} }), note: (text: string) => notes.push(text) } // prettier-ignore
  return { notes, abort, at: { home: '/nowhere', root: '/nowhere', progress, signal: abort.signal } }
}

/** An act that fails with each of these, one a call, and then ends well. */
function failing(...errors: readonly Error[]) {
  const left = [...errors]
  return () => {
    const error = left.shift()
    return error ? Promise.reject(error) : Promise.resolve('done')
  }
}

test('a mirror that is gone for a moment ends no set-up, and each attempt is told', async () => {
  const { at, notes } = place()
  const act = failing(failed('503 Service Unavailable'), failed('connection reset'))
  expect(await persist(at, act, { pausesMs: [1, 2] })).toBe('done')
  expect(notes).toEqual([
    'fetch: exited with 1: 503 Service Unavailable; trying again in 0.001 s',
    'fetch: exited with 1: connection reset; trying again in 0.002 s',
  ])
})

test('after the last attempt its failure is thrown as it came', async () => {
  const last = failed('still gone')
  const act = failing(failed('gone'), failed('gone'), last)
  await expect(persist(place().at, act, { pausesMs: [1, 1] })).rejects.toBe(last)
})

test('what no further attempt would mend is not tried again', async () => {
  const broken = failed('# vulcan/guest\nsyntax error')
  const hopeful = ({ stderr }: CommandFailed) => !stderr.startsWith('#')
  await expect(persist(place().at, failing(broken), { pausesMs: [1], hopeful })).rejects.toBe(broken)
  const ours = new TypeError('a mistake of ours')
  await expect(persist(place().at, failing(ours), { pausesMs: [1] })).rejects.toBe(ours)
})

test('an abort ends the pause', async () => {
  const { at, abort } = place()
  const waiting = persist(at, failing(failed('gone')), { pausesMs: [60_000] })
  abort.abort()
  await expect(waiting).rejects.toThrow('aborted')
})

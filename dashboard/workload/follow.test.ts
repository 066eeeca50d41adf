import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LogEvent } from '../../src/api/sse.ts'
import { FollowedLog } from './follow.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const out = (id: number, text: string): LogEvent => ({ id, event: 'stdout', data: { text } })
const running: LogEvent = { id: 1, event: 'status', data: { status: 'running' } }
const end: LogEvent = { id: 5, event: 'end', data: { status: 'completed' } }
const whole = [running, out(2, 'one\n'), out(3, 'two\n'), out(4, 'three\n'), end]

/** A server that has this to tell; `held` holds it up behind that event. */
function logOf(events: readonly LogEvent[], held?: { readonly behind: number; readonly until: Promise<void> }) {
  const asked: number[] = []
  const onChange = vi.fn<() => void>()
  const log = new FollowedLog({
    async *events(after) {
      asked.push(after)
      for (const event of events.filter(({ id }) => id > after)) {
        yield event
        if (event.id === held?.behind) await held.until
      }
    },
    onChange,
  })
  const lines = () => Array.from({ length: log.lines.end }, (_, at) => log.lines.textOf(at))
  return { log, asked, onChange, lines }
}

/** Long work goes on in turns, for which time must pass. */
const pass = () => vi.advanceTimersByTimeAsync(1000)
const forever = () => new AbortController().signal

test('a log is read to its end, the record asked for with each event that is no output, and then no more', async () => {
  const { log, asked, onChange, lines } = logOf(whole)
  await log.follow(forever())
  expect(lines()).toEqual(['one', 'two', 'three'])
  expect(log.state).toMatchObject({ ended: true, error: undefined })
  expect(onChange).toHaveBeenCalledTimes(2)
  await log.follow(forever())
  expect(asked).toEqual([0])
})

test('a page that comes into sight again goes on where it was, and nothing is taken twice', async () => {
  const { promise: until, resolve } = Promise.withResolvers<void>()
  const { log, asked, lines } = logOf(whole, { behind: 3, until })
  const sight = new AbortController()
  const first = log.follow(sight.signal)
  await pass()
  expect(lines()).toEqual(['one', 'two'])
  sight.abort()
  const second = log.follow(forever())
  resolve()
  await Promise.all([first, second, pass()])
  expect(asked).toEqual([0, 3])
  expect(lines()).toEqual(['one', 'two', 'three'])
  // Whoever looked away is no trouble.
  expect(log.state).toMatchObject({ ended: true, error: undefined })
})

test('news is told at a pace, however much comes', async () => {
  const many = Array.from({ length: 1000 }, (_, at) => out(at + 1, 'x\n'))
  const { promise: until, resolve } = Promise.withResolvers<void>()
  const { log, lines } = logOf([...many, { ...end, id: 1001 }], { behind: 1000, until })
  const told = vi.fn<() => void>()
  log.subscribe(told)
  const following = log.follow(forever())
  await pass()
  expect(lines()).toHaveLength(1000)
  expect(told.mock.calls.length).toBeLessThan(5)
  expect(log.state.version).toBe(told.mock.calls.length)
  resolve()
  await Promise.all([following, pass()])
  expect(log.state.ended).toBe(true)
})

test('what went wrong is told, until it is tried again', async () => {
  const answers = [Promise.reject(new Error('forbidden')), Promise.resolve()]
  const log = new FollowedLog({
    async *events() {
      await answers.shift()
      yield out(1, 'here\n')
    },
    onChange: () => undefined,
  })
  await log.follow(forever())
  expect(log.state).toMatchObject({ ended: false, error: new Error('forbidden') })
  await log.follow(forever())
  expect(log.state).toMatchObject({ ended: true, error: undefined })
})

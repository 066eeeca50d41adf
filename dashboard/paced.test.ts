import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Paced } from './paced.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('the first wish is fulfilled at once, and a flood of them once in each interval', async () => {
  const act = vi.fn<() => Promise<void>>(async () => {})
  const paced = new Paced(300, act)
  paced.wish()
  expect(act).toHaveBeenCalledTimes(1)
  for (let ms = 0; ms < 3000; ms += 10) {
    await vi.advanceTimersByTimeAsync(10)
    paced.wish()
  }
  expect(act).toHaveBeenCalledTimes(11)
})

test('what is wished for while it is done is done again, and never twice at once', async () => {
  const first = Promise.withResolvers<void>()
  const act = vi.fn<() => Promise<void>>(() => first.promise)
  const paced = new Paced(300, act)
  paced.wish()
  paced.wish()
  paced.wish()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(act).toHaveBeenCalledTimes(1)
  first.resolve()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(act).toHaveBeenCalledTimes(2)
})

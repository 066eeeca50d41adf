import { expect, test } from 'vitest'
import { Channel } from './channel.ts'
import { lock } from './lock.ts'
import { Tail } from './tail.ts'
import { abortable, deadline, DeadlineExceeded, sleep } from './time.ts'
import { together } from './together.ts'

const never = new AbortController().signal

test('steps run side by side and give their results in order', async () => {
  const results = await together(
    never,
    () => Promise.resolve(1),
    () => Promise.resolve('two'),
  )
  expect(results).toEqual([1, 'two'])
})

test('when one step fails the others are aborted and awaited before the error is thrown', async () => {
  let undone = false
  const slow = async (signal: AbortSignal) => {
    await sleep(60_000, signal).catch(() => undefined)
    await Promise.resolve()
    undone = true
  }
  await expect(together(never, slow, () => Promise.reject(new Error('first')))).rejects.toThrow('first')
  expect(undone).toBe(true)
})

test('a full channel makes the writer wait until the reader has read', async () => {
  const channel = new Channel<string>({ limit: 4, sizeOf: (text) => text.length })
  await channel.write('ab')
  let written = false
  const second = channel.write('cdef').then(() => (written = true))
  await Promise.resolve()
  expect(written).toBe(false)
  const reader = channel[Symbol.asyncIterator]()
  expect((await reader.next()).value).toBe('ab')
  await second
  channel.end()
  expect((await reader.next()).value).toBe('cdef')
  expect((await reader.next()).done).toBe(true)
})

test('the end of a channel frees a waiting writer, and what was written is still read', async () => {
  const channel = new Channel<string>({ limit: 0, sizeOf: (text) => text.length })
  const waiting = channel.write('kept')
  channel.end()
  await waiting
  await channel.write('dropped')
  expect(await Array.fromAsync(channel)).toEqual(['kept'])
})

test('a lock is held by one, waited for by the next, and freed by dispose', async () => {
  const name = `test-${process.pid}-${Math.random()}`
  const first = await lock(name)
  const waited = Promise.withResolvers<void>()
  let taken = false
  const second = lock(name, { onWait: () => waited.resolve() }).then((held) => {
    taken = true
    return held
  })
  await waited.promise
  expect(taken).toBe(false)
  await first[Symbol.asyncDispose]()
  await (await second)[Symbol.asyncDispose]()
  expect(taken).toBe(true)
})

test('waiting for a lock ends with its signal', async () => {
  const name = `test-${process.pid}-${Math.random()}`
  await using _held = await lock(name)
  const abort = new AbortController()
  await expect(lock(name, { signal: abort.signal, onWait: () => abort.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  )
})

test('a deadline names what was awaited', async () => {
  const waiting = deadline('the answer', { timeoutMs: 5 }, (signal) => abortable(new Promise(() => undefined), signal))
  await expect(waiting).rejects.toThrow(DeadlineExceeded)
  await expect(waiting).rejects.toThrow('the answer: not done after 5 ms')
})

test('an outer signal ends a deadline’s operation with its own reason', async () => {
  const signal = AbortSignal.abort(new Error('asked'))
  await expect(deadline('x', { timeoutMs: 60_000, signal }, (s) => sleep(60_000, s))).rejects.toThrow('asked')
})

test('a tail keeps the end of an endless stream in bounded memory', () => {
  const tail = new Tail(10)
  for (let i = 0; i < 1000; i++) tail.push(Buffer.from(`${i},`))
  expect(tail.text()).toBe('7,998,999,')
  tail.push(Buffer.from('x'.repeat(50)))
  expect(tail.text()).toBe('x'.repeat(10))
})

test('of a large buffer a tail holds what was cut from it, and no more', () => {
  const [tail, large] = [new Tail(10), Buffer.alloc(1 << 16, 'x')]
  tail.push(large.subarray(0, 1))
  large.fill('y')
  expect(tail.text()).toBe('x')
})

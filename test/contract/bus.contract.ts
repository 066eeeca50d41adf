/** The contract of the bus: one suite of cases for every implementation of the port. */
import assert from 'node:assert/strict'
import { VulcanError } from '../../src/api/errors.ts'
import type { Bus, Delivery, Subscription } from '../../src/bus/bus.ts'

export interface Case {
  readonly name: string
  /** `kept`: how many messages the bus keeps. */
  readonly check: (bus: Bus, kept: number) => Promise<void>
}

const soon = { timeoutMs: 10_000 }

async function take(from: Subscription, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = []
  while (taken.length < count) {
    const { done, value } = await from.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

const dataOf = (all: readonly Delivery[]) => all.map((one) => (one.kind === 'message' ? one.data : 'missed'))
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

async function publishAll(bus: Bus, subject: string, all: readonly unknown[]): Promise<number[]> {
  const seqs: number[] = []
  for (const data of all) seqs.push(await bus.publish(subject, data))
  return seqs
}

const fails =
  (code: string, words = /./) =>
  (error: unknown): boolean =>
    error instanceof VulcanError && error.code === code && words.test(error.message)

const published: readonly Case[] = [
  {
    name: 'whoever subscribes gets what fits the pattern from then on, in order, each once',
    async check(bus) {
      await bus.publish('a.b', 'before')
      const exact = bus.subscribe('a.b')
      const tail = bus.subscribe('a.>')
      const all = bus.subscribe('>')
      await publishAll(bus, 'a.b', [1, 2])
      await publishAll(bus, 'a.b.c', [3])
      await publishAll(bus, 'ab.c', [4])
      await publishAll(bus, 'a', [5])
      await publishAll(bus, 'a.b', [6])
      assert.deepEqual(dataOf(await take(exact, 3)), [1, 2, 6])
      assert.deepEqual(dataOf(await take(tail, 4)), [1, 2, 3, 6])
      assert.deepEqual(dataOf(await take(all, 6)), [1, 2, 3, 4, 5, 6])
    },
  },
  {
    name: 'data is what JSON makes of it, and nobody’s own: later changes show nowhere',
    async check(bus) {
      const [one, other] = [bus.subscribe('x'), bus.subscribe('x')]
      const data = { list: [1], gone: undefined }
      await bus.publish('x', data)
      data.list.push(2)
      const [first] = dataOf(await take(one, 1)) as { list: number[] }[]
      first?.list.push(3)
      assert.deepEqual(dataOf(await take(other, 1)), [{ list: [1] }])
    },
  },
  {
    name: 'replay goes over into what comes live without a gap and without a double, wherever it begins',
    async check(bus) {
      const seqs = await publishAll(bus, 's.one', numbers(1, 20))
      for (const at of [0, 7, 19]) {
        const from = bus.subscribe('s.>', { after: (seqs[at] ?? 0) - 1 })
        // Half of the replay is read, then more is published, then the rest is.
        const first = await take(from, 1)
        await publishAll(bus, 's.two', [`live ${at}`])
        const rest = await take(from, 20 - at)
        assert.deepEqual(dataOf([...first, ...rest]).slice(0, 20 - at), numbers(at + 1, 20))
        const read = [...first, ...rest].map((one) => (one.kind === 'message' ? one.seq : 0))
        assert.deepEqual(
          read,
          [...new Set(read)].sort((a, b) => a - b),
        )
        await from[Symbol.asyncDispose]()
      }
    },
  },
  {
    name: 'who reads slowly holds nobody up, and is told that it missed something before it goes on',
    async check(bus, kept) {
      const slow = bus.subscribe('s')
      await publishAll(bus, 's', numbers(1, kept + 5))
      const all = await take(slow, kept + 1)
      assert.deepEqual(dataOf(all), ['missed', ...numbers(6, kept + 5)])
      await bus.publish('s', 'next')
      assert.deepEqual(dataOf(await take(slow, 1)), ['next'])
    },
  },
  {
    name: 'what was missed of other subjects is nobody’s business',
    async check(bus, kept) {
      const quiet = bus.subscribe('quiet')
      await publishAll(bus, 'loud', numbers(1, 2 * kept))
      await bus.publish('quiet', 'here')
      assert.deepEqual(dataOf(await take(quiet, 1)), ['here'])
    },
  },
  {
    name: 'who comes with a number from before what is kept, or from another life of the bus, is told',
    async check(bus, kept) {
      const [first = 0] = await publishAll(bus, 's', numbers(1, kept + 1))
      for (const after of [0, first - 1, Number.MAX_SAFE_INTEGER]) {
        const [told] = await take(bus.subscribe('s', { after }), 1)
        assert.equal(told?.kind, 'missed', `after ${after}`)
      }
      assert.deepEqual(dataOf(await take(bus.subscribe('s', { after: first }), 1)), [2])
    },
  },
  {
    name: 'a subscription ends when it is closed, when its signal is aborted and when the bus is closed, also while it waits',
    async check(bus) {
      const gone = new AbortController()
      const [closed, aborted, open] = [
        bus.subscribe('s'),
        bus.subscribe('s', { signal: gone.signal }),
        bus.subscribe('>'),
      ]
      const ends = [closed, aborted, open].map((one) => one.next())
      await closed[Symbol.asyncDispose]()
      gone.abort()
      await bus[Symbol.asyncDispose]()
      for (const end of ends) assert.deepEqual(await end, { done: true, value: undefined })
      await assert.rejects(bus.publish('s', 1), fails('shutting_down'))
      await assert.rejects(bus.request('s', 1, soon), fails('shutting_down'))
    },
  },
  {
    name: 'a subject that is none is refused',
    async check(bus) {
      for (const bad of ['', '.', 'a.', 'a..b', 'a b', '>', 'a.>', 'ä']) {
        await assert.rejects(bus.publish(bad, 1), fails('invalid_field'))
      }
      for (const bad of ['', 'a.', '>.a', 'a>', '*']) assert.throws(() => bus.subscribe(bad), fails('invalid_field'))
    },
  },
]

const asked: readonly Case[] = [
  {
    name: 'a request has one answer, and without anybody who answers it fails at once',
    async check(bus) {
      await assert.rejects(bus.request('sum', [1, 2], soon), fails('no_responders', /sum/))
      const summing = bus.handle('sum', (data) => (data as number[]).reduce((a, b) => a + b))
      assert.equal(await bus.request('sum', [1, 2], soon), 3)
      summing[Symbol.dispose]()
      await assert.rejects(bus.request('sum', [1, 2], soon), fails('no_responders'))
    },
  },
  {
    name: 'handlers of one subject share its requests, each of which is worked on once',
    async check(bus) {
      const seen: string[] = []
      for (const name of ['one', 'two', 'three']) bus.handle('s', () => seen.push(name))
      await Promise.all(numbers(1, 9).map((n) => bus.request('s', n, soon)))
      assert.equal(seen.length, 9)
    },
  },
  {
    name: 'an error travels as what it is, without its cause; what is no VulcanError is internal',
    async check(bus) {
      const cause = new Error('secret')
      bus.handle('known', () => {
        throw new VulcanError('not_found', 'there is no x', { step: 'look', hint: 'make one', field: '/x', cause })
      })
      bus.handle('unknown', () => Promise.reject(new TypeError('oops')))
      const error = await bus.request('known', 1, soon).catch((thrown: unknown) => thrown as VulcanError)
      assert.ok(error instanceof VulcanError)
      const { code, message, step, hint, field } = error
      assert.deepEqual([code, message, step, hint, field], ['not_found', 'there is no x', 'look', 'make one', '/x'])
      assert.equal(error.cause, undefined)
      await assert.rejects(bus.request('unknown', 1, soon), fails('internal', /oops/))
    },
  },
  {
    name: 'a request ends with its time, its signal and the bus, and its handler learns of each',
    async check(bus) {
      const learned: unknown[] = []
      const never = (_: unknown, signal: AbortSignal) =>
        new Promise<never>(() => signal.addEventListener('abort', () => learned.push(signal.reason)))
      bus.handle('s', never)
      await assert.rejects(bus.request('s', 1, { timeoutMs: 1 }), fails('no_answer', /asking s/))
      const gone = new AbortController()
      const aborted = bus.request('s', 1, { ...soon, signal: gone.signal })
      gone.abort(new Error('gone'))
      await assert.rejects(aborted, /gone/)
      const closed = assert.rejects(bus.request('s', 1, soon), fails('shutting_down'))
      await bus[Symbol.asyncDispose]()
      await closed
      assert.equal(learned.length, 3)
    },
  },
  {
    name: 'a handler has so many in hand, so many wait, and more are refused',
    async check(bus) {
      const gate = Promise.withResolvers<void>()
      let [now, most] = [0, 0]
      bus.handle(
        's',
        async (data) => {
          most = Math.max(most, (now += 1))
          await gate.promise
          now -= 1
          return data
        },
        { atOnce: 2, queued: 3 },
      )
      const taken = numbers(1, 5).map((n) => bus.request('s', n, soon))
      await assert.rejects(bus.request('s', 6, soon), fails('overloaded'))
      gate.resolve()
      assert.deepEqual(await Promise.all(taken), numbers(1, 5))
      assert.equal(most, 2)
    },
  },
]

export const busContract: readonly Case[] = [...published, ...asked]

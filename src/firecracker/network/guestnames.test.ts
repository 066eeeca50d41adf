import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { mostDenials } from '../../backend/denial.ts'
import { DeadlineExceeded } from '../../base/time.ts'
import { GuestNames, type GuestNamesOptions, type Resolved } from './guestnames.ts'
import { mostOpened, type Opened } from './opened.ts'

let opened: Opened[]
let asked: string[]
const at = (...addresses: string[]): Resolved[] => addresses.map((address) => ({ address, ttl: 60 }))
const namesOf = (more: Partial<GuestNamesOptions> = {}) =>
  new GuestNames({
    names: ['a.example', '*.b.example'],
    resolve: (name) => {
      asked.push(name)
      return Promise.resolve(at('192.0.2.1'))
    },
    refusalOf: (address) => (address.startsWith('10.') ? 'private' : undefined),
    open: (found) => {
      opened.push(...found)
      return Promise.resolve()
    },
    onDenied: () => undefined,
    onTrouble: (error) => expect.fail(String(error)),
    graceS: 30,
    ...more,
  })
const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))

beforeEach(() => {
  opened = []
  asked = []
})

test('an address is open before it is told, for its time and what it takes to get there', async () => {
  const open = Promise.withResolvers<void>()
  const told = vi.fn<() => void>()
  const names = namesOf({ open: () => open.promise })
  const answer = names.answer({ name: 'A.Example', type: 'A' })
  void answer.then(told)
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(told).not.toHaveBeenCalled()
  open.resolve()
  expect(await answer).toEqual({ rcode: 'NOERROR', addresses: ['192.0.2.1'], ttl: 60 })
  await namesOf().answer({ name: 'x.y.b.example', type: 'A' })
  expect(opened).toEqual([{ address: '192.0.2.1', seconds: 90 }])
})

test('the least time of an answer counts, an hour at most', async () => {
  const resolve = () => Promise.resolve([{ address: '192.0.2.1', ttl: 90_000 }, ...at('192.0.2.2')])
  expect(await namesOf({ resolve }).answer({ name: 'a.example', type: 'A' })).toMatchObject({ ttl: 60 })
  const long = () => Promise.resolve([{ address: '192.0.2.1', ttl: 90_000 }])
  expect(await namesOf({ resolve: long }).answer({ name: 'a.example', type: 'A' })).toMatchObject({ ttl: 3600 })
  expect(opened.at(-1)?.seconds).toBe(3630)
})

test('while it holds, an answer is told again without asking; asked for together, it is asked for once', async () => {
  const names = namesOf()
  await Promise.all([1, 2, 3].map(() => names.answer({ name: 'a.example', type: 'A' })))
  expect(await names.answer({ name: 'a.example', type: 'A' })).toMatchObject({ addresses: ['192.0.2.1'] })
  expect([asked, opened]).toEqual([['a.example'], [{ address: '192.0.2.1', seconds: 90 }]])
})

test('a host whose clock is set back opens a name anew when its time is over, as the firewall has closed it then', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const names = namesOf()
  const ask = () => names.answer({ name: 'a.example', type: 'A' })
  await ask()
  vi.setSystemTime(Date.now() - 3_600_000)
  await vi.advanceTimersByTimeAsync(59_000)
  expect(await ask()).toMatchObject({ ttl: 1 })
  await vi.advanceTimersByTimeAsync(40_000)
  expect(await ask()).toMatchObject({ ttl: 60 })
  expect([asked.length, opened.length]).toEqual([2, 2])
})

test('what a name server refuses is told; what it does not answer has failed', async () => {
  const rcode = async (resolve: GuestNamesOptions['resolve']) =>
    (await namesOf({ resolve }).answer({ name: 'a.example', type: 'A' })).rcode
  expect(await rcode(failing('ENOTFOUND'))).toBe('NXDOMAIN')
  expect(await rcode(failing('ENODATA'))).toBe('NOERROR')
  expect(await rcode(failing('ETIMEOUT'))).toBe('SERVFAIL')
  expect(await rcode(() => Promise.reject(new DeadlineExceeded('the addresses', 1)))).toBe('SERVFAIL')
  expect(await rcode(() => Promise.resolve([]))).toBe('NOERROR')
  expect(await rcode(() => Promise.resolve(at('10.0.0.1')))).toBe('NXDOMAIN')
})

test('an address that cannot be opened is not told, and the operator hears why', async () => {
  const onTrouble = vi.fn<(error: unknown) => void>()
  const names = namesOf({ open: () => Promise.reject(new Error('no such table')), onTrouble })
  expect(await names.answer({ name: 'a.example', type: 'A' })).toMatchObject({ rcode: 'SERVFAIL', addresses: [] })
  expect(onTrouble).toHaveBeenCalledWith(new Error('no such table'))
})

test('of names that were refused the first are known, the others counted; A and AAAA together are one try', async () => {
  const onDenied = vi.fn<GuestNamesOptions['onDenied']>()
  const names = namesOf({ onDenied })
  for (let n = 0; n < mostDenials + 10; n += 1)
    for (const type of ['A', 'AAAA']) await names.answer({ name: `n${n}.example`, type })
  expect(names.denials.known).toHaveLength(mostDenials)
  expect(names.denials.known[0]).toMatchObject({ host: 'n0.example', rule: 'allow', protocol: 'dns', count: 1 })
  expect(names.denials.others).toBe(20)
  expect(onDenied.mock.calls.filter(([, isNew]) => isNew)).toHaveLength(mostDenials)
  expect(asked).toEqual([])
  expect(namesOf({ denials: names.denials }).denials).toEqual(names.denials)
})

test('no more wait, and no more is open, than may', async () => {
  const never = namesOf({ resolve: () => new Promise(() => undefined) })
  for (let n = 0; n < 128; n += 1) void never.answer({ name: `n${n}.b.example`, type: 'A' })
  expect(await never.answer({ name: 'more.b.example', type: 'A' })).toMatchObject({ rcode: 'SERVFAIL' })
  expect(never.denials.known).toMatchObject([{ host: 'more.b.example', rule: 'limit' }])
  let next = 0
  const many = namesOf({ resolve: () => Promise.resolve(at(...Array.from({ length: 16 }, () => `n${next++}`))) })
  for (let n = 0; n < mostOpened / 16; n += 1) await many.answer({ name: `n${n}.b.example`, type: 'A' })
  expect(opened).toHaveLength(mostOpened)
  expect(await many.answer({ name: 'more.b.example', type: 'A' })).toMatchObject({ rcode: 'SERVFAIL' })
  expect(opened).toHaveLength(mostOpened)
})

test('once it is closed nothing is opened, and nobody waits for what is still asked for', async () => {
  const names = namesOf({ resolve: () => new Promise(() => undefined) })
  const answer = names.answer({ name: 'a.example', type: 'A' })
  await names.close()
  expect(await answer).toMatchObject({ rcode: 'SERVFAIL' })
  expect(await names.answer({ name: 'x.b.example', type: 'A' })).toMatchObject({ rcode: 'SERVFAIL' })
  expect(opened).toEqual([])
})

test('an address that is being opened is waited for', async () => {
  const open = Promise.withResolvers<void>()
  const closed = vi.fn<() => void>()
  const names = namesOf({ open: () => open.promise })
  void names.answer({ name: 'a.example', type: 'A' })
  await new Promise((resolve) => setTimeout(resolve, 10))
  const closing = names.close().then(closed)
  await new Promise((resolve) => setTimeout(resolve, 10))
  expect(closed).not.toHaveBeenCalled()
  open.resolve()
  await closing
})

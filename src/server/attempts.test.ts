import { expect, test } from 'vitest'
import { Attempts } from './attempts.ts'

const failuresPerMinute = 30

function failed(attempts: Attempts, addresses: readonly string[], now = 0): (number | undefined)[] {
  return addresses.map((address) => attempts.fail(address, now))
}
const often = (address: string) => Array.from({ length: failuresPerMinute }, () => address)

test('so many a minute are answered, the next is told how long to wait, and a minute later all is as before', () => {
  const attempts = new Attempts(failuresPerMinute)
  expect(new Set(failed(attempts, often('192.0.2.1')))).toEqual(new Set([undefined]))
  expect(attempts.fail('192.0.2.1', 20_000)).toBe(40)
  expect(attempts.fail('192.0.2.1', 59_999)).toBe(1)
  expect(attempts.fail('192.0.2.2', 59_999)).toBeUndefined()
  expect(attempts.fail('192.0.2.1', 60_000)).toBeUndefined()
})

test('the addresses of one IPv6 network are one, however they are written', () => {
  const attempts = new Attempts(failuresPerMinute)
  failed(attempts, often('2001:db8::1'))
  expect(attempts.fail('2001:db8:0:0:ffff::2', 0)).toBe(60)
  expect(attempts.fail('2001:db8:0:1::2', 0)).toBeUndefined()
  expect(attempts.fail('::1', 0)).toBeUndefined()
  failed(attempts, often('::ffff:192.0.2.1'))
  expect(attempts.fail('::ffff:192.0.2.2', 0)).toBeUndefined()
})

test('a flood from everywhere takes no more memory than its bound, and who failed last stays known', () => {
  const attempts = new Attempts(failuresPerMinute)
  for (let n = 0; n < 30_000; n += 1) attempts.fail(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 0)
  failed(attempts, often('192.0.2.1'))
  expect(attempts.fail('192.0.2.1', 0)).toBe(60)
})

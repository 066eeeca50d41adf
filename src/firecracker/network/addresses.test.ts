import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VulcanError } from '../../api/errors.ts'
import {
  type Cidr,
  disjoint,
  firstAddress,
  isRefused,
  nameserversOf,
  networkOf,
  overlaps,
  parseAllow,
  refusalOf,
  within,
} from './addresses.ts'

test('blocks have their host bits zero, and a first address', () => {
  expect(networkOf('10.88.3.1/16')).toBe('10.88.0.0/16')
  expect(networkOf('255.255.255.255/1')).toBe('128.0.0.0/1')
  expect(networkOf('1.2.3.4/0')).toBe('0.0.0.0/0')
  expect(firstAddress('10.88.0.0/16')).toBe('10.88.0.1')
})

test('a block is within another, or overlaps it, or neither', () => {
  expect(within('10.0.0.0/8', '10.88.0.0/16')).toBe(true)
  expect(within('10.88.0.0/16', '10.0.0.0/8')).toBe(false)
  expect(overlaps('10.88.0.0/16', '10.0.0.0/8')).toBe(true)
  expect(overlaps('10.88.0.0/16', '10.89.0.0/16')).toBe(false)
})

const cidr: fc.Arbitrary<Cidr> = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }))
  .map(([n, prefix]) => networkOf(`${[24, 16, 8, 0].map((s) => Math.floor(n / 2 ** s) % 256).join('.')}/${prefix}`))

test('disjoint keeps what is covered and nothing twice', () => {
  expect(disjoint(['192.0.2.7/32', '192.0.2.0/24', '192.0.2.0/24', '1.2.3.4/32'])).toEqual([
    '1.2.3.4/32',
    '192.0.2.0/24',
  ])
  fc.assert(
    fc.property(fc.array(cidr), (blocks) => {
      const kept = disjoint(blocks)
      for (const block of blocks) expect(kept.some((outer) => within(outer, block))).toBe(true)
      for (const [i, a] of kept.entries()) for (const b of kept.slice(i + 1)) expect(overlaps(a, b)).toBe(false)
    }),
  )
})

test.each([
  '10.1.2.3/32',
  '172.31.255.255/32',
  '192.168.0.0/24',
  '169.254.169.254/32',
  '127.0.0.1/32',
  '224.0.0.251/32',
])('%s is never reached', (block) => expect(isRefused(block)).toBe(true))

test.each(['198.51.100.2/32', '172.32.0.1/32', '0.0.0.0/0', '8.8.8.8/32'])('%s may be reached', (block) =>
  expect(isRefused(block)).toBe(false),
)

describe('an entry of allow', () => {
  test.each([
    ['198.51.100.77', { kind: 'block', cidr: '198.51.100.77/32' }],
    ['198.51.100.77/24', { kind: 'block', cidr: '198.51.100.0/24' }],
    ['0.0.0.0/1', { kind: 'block', cidr: '0.0.0.0/1' }],
    ['PyPI.Example.org.', { kind: 'name', name: 'pypi.example.org' }],
    ['*.Example.org', { kind: 'name', name: '*.example.org' }],
    ['localhost', { kind: 'name', name: 'localhost' }],
    ['xn--bcher-kva.example', { kind: 'name', name: 'xn--bcher-kva.example' }],
  ])('%s is read', (entry, wanted) => {
    expect(parseAllow(entry, 0)).toEqual(wanted)
  })

  test.each([
    '',
    '10.0.0.1',
    '169.254.169.254/32',
    '198.51.100.0/33',
    '198.51.100.0/',
    '198.51.100.0/24/1',
    '198.51.100.0/-1',
    '1.2.3',
    '300.1.1.1',
    '2001:db8::/32',
    'example.org:443',
    'https://example.org',
    'a b',
    'a..b',
    '-a.example',
    '*',
    '*.',
    'a.*.example',
    '*a.example',
    '*.*.example',
    '*.192.0.2.1',
    '"; flush ruleset; "',
    'x'.repeat(64),
  ])('%j is refused with its path', (entry) => {
    expect(() => parseAllow(entry, 3)).toThrow(
      expect.objectContaining({ code: 'invalid_field', field: '/network/allow/3' }) as Error,
    )
  })

  test('nothing but an address or a name ever reaches a script', () => {
    const read = (entry: string) => {
      try {
        const found = parseAllow(entry, 0)
        return found.kind === 'block' ? found.cidr : found.name
      } catch (error) {
        return (error as VulcanError).code
      }
    }
    fc.assert(
      fc.property(fc.string(), (entry) => {
        expect(read(entry)).toMatch(/^(\*\.)?[a-z0-9._/-]+$/)
      }),
    )
  })
})

test('what a name leads to is refused by the first rule that has it', () => {
  const o = { subnet: '10.88.0.0/16', own: ['198.51.100.1', '10.0.2.15'] }
  const rules = ['169.254.169.254', '10.1.2.3', '224.0.0.1', '198.51.100.1', '10.0.2.15', '10.88.0.7', '198.51.100.2']
  expect(rules.map((address) => refusalOf(address, o))).toEqual([
    ...['metadata', 'private', 'reserved', 'host', 'host', 'guest'],
    undefined,
  ])
})

test('name servers of a resolv.conf that a guest can reach', () => {
  const text =
    '# nameserver 1.1.1.1\nsearch x\nnameserver 127.0.0.53\n nameserver 10.0.2.3\nnameserver fe80::1\nnameserver 192.0.2.1 x\n'
  expect(nameserversOf(text)).toEqual(['10.0.2.3', '192.0.2.1'])
})

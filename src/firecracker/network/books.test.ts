import { expect, test } from 'vitest'
import { denialsOf, entriesOf, openBook } from './books.ts'

const now = Date.parse('2026-01-02T03:04:05Z')
const year = 365 * 24 * 3600
type Concat = readonly [number, string, string | number, number]
const element = (concat: Concat, o: { packets: number; ageS?: number }) => ({
  elem: { val: { concat }, expires: year - (o.ageS ?? 0), counter: { packets: o.packets, bytes: 60 * o.packets } },
})
const answer = (elem?: readonly object[]) =>
  JSON.stringify({
    nftables: [
      { metainfo: {} },
      { set: { name: 'private', elem: ['10.0.0.0'] } },
      { set: { name: 'denied_10.88.0.5', ...(elem && { elem }) } },
    ],
  })

test('a book says what was refused, by which rule, how often and since when, in that order', () => {
  const json = answer([
    element([0, '10.88.0.5', 'ip', 0], { packets: 7 }),
    element([4, '10.1.2.3', 'icmp', 0], { packets: 3, ageS: 1 }),
    element([1, '169.254.169.254', 'tcp', 80], { packets: 2, ageS: 9 }),
    element([5, '224.0.0.5', 89, 0], { packets: 1 }),
  ])
  expect(denialsOf(json, now)).toEqual(
    new Map([
      [
        '10.88.0.5',
        {
          known: [
            {
              address: '169.254.169.254',
              port: 80,
              protocol: 'tcp',
              rule: 'metadata',
              count: 2,
              firstAt: Date.parse('2026-01-02T03:03:56Z'),
            },
            { address: '10.1.2.3', protocol: 'icmp', rule: 'private', count: 3, firstAt: now - 1000 },
            { address: '224.0.0.5', protocol: '89', rule: 'reserved', count: 1, firstAt: now },
          ],
          others: 7,
        },
      ],
    ]),
  )
})

test('protocols have names, also where nft gives their numbers', () => {
  const json = answer([
    element([4, '10.1.2.3', 6, 80], { packets: 1 }),
    element([4, '10.1.2.3', 17, 53], { packets: 1 }),
    element([4, '10.1.2.3', 1, 0], { packets: 1 }),
  ])
  const names = denialsOf(json, now)
    .get('10.88.0.5')
    ?.known.map(({ protocol, port }) => [protocol, port])
  expect(names).toEqual([
    ['tcp', 80],
    ['udp', 53],
    ['icmp', undefined],
  ])
})

test('a book without elements says nothing', () => {
  expect(denialsOf(answer(), now)).toEqual(new Map([['10.88.0.5', { known: [], others: 0 }]]))
})

test('what a book says goes into the next one as it was', () => {
  const entries = entriesOf(
    answer([
      element([0, '10.88.0.5', 'ip', 0], { packets: 7 }),
      element([1, '169.254.169.254', 'tcp', 80], { packets: 2, ageS: 9 }),
    ]),
  ).get('10.88.0.5')
  expect(entries).toEqual([
    '0 . 10.88.0.5 . ip . 0 counter packets 7 bytes 420 expires 31536000s',
    '1 . 169.254.169.254 . tcp . 80 counter packets 2 bytes 120 expires 31535991s',
  ])
  expect(openBook('t', '10.88.0.5', entries)).toContain(`denied_10.88.0.5 { ${entries?.join(', ')} }`)
})

test('every book has the element for what finds no place', () => {
  expect(openBook('t', '10.88.0.5')).toContain('{ 0 . 10.88.0.5 . 0 . 0 counter packets 0 bytes 0 }')
})

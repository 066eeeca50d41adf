import { expect, test } from 'vitest'
import { openedOf, openNames, openScript } from './opened.ts'

test('an address that is open already is opened anew, in one transaction, so that its time begins again', () => {
  expect(openScript('t', '10.88.0.5', [{ address: '192.0.2.1', seconds: 90 }])).toBe(`\
add element inet t opened_10.88.0.5 { 192.0.2.1 }
delete element inet t opened_10.88.0.5 { 192.0.2.1 }
add element inet t opened_10.88.0.5 { 192.0.2.1 timeout 90s }
`)
})

test('what is open goes into the next table with the time it has left', () => {
  const elem = [
    { elem: { val: '192.0.2.1', timeout: 90, expires: 12 } },
    { elem: { val: '192.0.2.2', timeout: 90, expires: 0 } },
  ]
  const sets = [
    { set: { name: 'private' } },
    { set: { name: 'opened_10.88.0.5', elem } },
    { set: { name: 'opened_10.88.0.6' } },
  ]
  const opened = openedOf(JSON.stringify({ nftables: [{ metainfo: {} }, ...sets] }))
  expect(opened).toEqual(
    new Map([
      ['10.88.0.5', ['192.0.2.1 timeout 90s expires 12s']],
      ['10.88.0.6', []],
    ]),
  )
  const guest = { mac: '02:00:00:00:00:07', address: '10.88.0.5' }
  expect(openNames('t', guest, opened.get('10.88.0.5'))).toContain('{ 192.0.2.1 timeout 90s expires 12s }')
})

test('two guests that have an address one after the other have not the same mark', () => {
  const markOf = (mac: string) => /ct mark set (\d+)/.exec(openNames('t', { mac, address: '10.88.0.5' }))?.[1]
  expect(markOf('02:00:00:00:00:07')).toBe('7')
  expect(markOf('aa:bb:ff:ff:ff:ff')).toBe('4294967295')
  expect(markOf('02:00:00:00:00:00')).toBe('1')
})

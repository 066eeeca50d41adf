import { expect, test } from 'vitest'
import { denialRules } from '../../api/denial.ts'
import { refusedBy } from './addresses.ts'
import { foreignDropsOf } from './foreign.ts'
import { admitScript, countsOf, expelScript, type GuestRule, installScript } from './rules.ts'

const options = {
  instance: 'v1',
  bridge: 'vulv1',
  subnet: '10.88.0.0/16',
  gateway: '10.88.0.1',
  resolvers: ['10.0.2.3', '10.0.2.3'],
  ports: { udp: 40053, tcp: 40054 },
}
const guest: GuestRule = {
  port: 'veth1',
  mac: '02:00:00:00:00:07',
  address: '10.88.0.5',
  mode: 'listed',
  allow: ['192.0.2.7/32', '192.0.2.0/24', '198.51.100.2/32'],
  names: ['pypi.example'],
}

test('a guest is a book, what its names open, and a few elements', () => {
  const [book = '', elements] = admitScript('v1', guest).split(/(?=add element bridge vulcan_v1 ports)/)
  expect(
    book
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 5).join(' ')),
  ).toEqual([
    'add set inet vulcan_v1 denied_10.88.0.5',
    'add element inet vulcan_v1 denied_10.88.0.5',
    'add chain inet vulcan_v1 book_10.88.0.5',
    'add rule inet vulcan_v1 book_10.88.0.5',
    'add rule inet vulcan_v1 book_10.88.0.5',
    'add rule inet vulcan_v1 book_10.88.0.5',
    'add element inet vulcan_v1 books',
    'add set inet vulcan_v1 opened_10.88.0.5',
    'add chain inet vulcan_v1 names_10.88.0.5',
    'add rule inet vulcan_v1 names_10.88.0.5',
    'add rule inet vulcan_v1 names_10.88.0.5',
    'add element inet vulcan_v1 names',
  ])
  expect(admitScript('v1', { ...guest, names: [] })).not.toMatch(/opened|names/)
  expect(elements).toBe(`add element bridge vulcan_v1 ports { "veth1" }
add element bridge vulcan_v1 guests { "veth1" . 02:00:00:00:00:07 . 10.88.0.5 }
add element inet vulcan_v1 ports { "veth1" }
add element inet vulcan_v1 allowed { 10.88.0.5 . 192.0.2.0/24, 10.88.0.5 . 198.51.100.2/32 }
add element inet vulcan_v1 listed { 10.88.0.5 }
add element inet vulcan_v1 guests { 02:00:00:00:00:07 . 10.88.0.5 : goto listed }
`)
})

test('taking a guest out names the same elements, and none of a list that is empty', () => {
  const lines = expelScript('v1', { ...guest, mode: 'host', allow: [], names: [] }).split('\n')
  expect(lines.filter((line) => line.startsWith('delete'))).toEqual([
    'delete element bridge vulcan_v1 ports { "veth1" }',
    'delete element bridge vulcan_v1 guests { "veth1" . 02:00:00:00:00:07 . 10.88.0.5 }',
    'delete element inet vulcan_v1 ports { "veth1" }',
    'delete element inet vulcan_v1 guests { 02:00:00:00:00:07 . 10.88.0.5 : goto host }',
    'delete element inet vulcan_v1 opening { 10.88.0.5 }',
    'delete element inet vulcan_v1 open { 10.88.0.5 }',
    'delete element inet vulcan_v1 asking { 10.88.0.5 }',
    'delete element inet vulcan_v1 books { 10.88.0.5 : jump book_10.88.0.5 }',
    'delete chain inet vulcan_v1 book_10.88.0.5',
    'delete set inet vulcan_v1 denied_10.88.0.5',
  ])
  expect(lines.filter((line) => line.startsWith('add'))).toHaveLength(10)
  expect(expelScript('v1', guest)).toContain('delete set inet vulcan_v1 opened_10.88.0.5')
})

test('the tables are replaced in one script, with the guests that live', () => {
  const script = installScript(options, [guest])
  expect(script.startsWith('table inet vulcan_v1 {}\ndelete table inet vulcan_v1\ntable bridge vulcan_v1 {}')).toBe(
    true,
  )
  expect(script.endsWith(admitScript('v1', guest))).toBe(true)
  expect(script).toContain('set resolvers { type ipv4_addr; elements = { 10.0.2.3 }; }')
  expect(installScript({ ...options, resolvers: [] }, [])).toContain('set resolvers { type ipv4_addr;  }')
})

test('what comes from the bridge and is not accepted is refused: no chain ends without a verdict', () => {
  const script = installScript(options, [])
  const last = (chain: string) => bodyOf(script, chain).at(-1)
  expect(['host', 'listed', 'input'].map(last)).toEqual([
    'goto refuse_mode',
    'goto refuse_allow',
    'goto refuse_unknown',
  ])
  for (const rule of denialRules) expect(last(`refuse_${rule}`)).toMatch(/ goto refuse$/)
  expect([last('refuse'), last('answer')]).toEqual(['goto answer', expect.stringMatching(/^reject/)])
  const internet = bodyOf(script, 'internet')
  expect(internet.indexOf('jump never')).toBeLessThan(internet.indexOf('goto admitted'))
  for (const range of Object.keys(refusedBy))
    expect(bodyOf(script, 'never')).toContain(`ip daddr @${range} goto refuse_${range}`)
})

const bodyOf = (script: string, chain: string): string[] =>
  (script.split(`chain ${chain} {\n`)[1]?.split('\n  }\n')[0] ?? '').split('\n').map((line) => line.trim())

test('what each rule refused is read', () => {
  const json =
    '{"nftables":[{"metainfo":{}},{"counter":{"family":"inet","name":"refused_private","packets":12,"bytes":900}}]}'
  expect(countsOf(json)).toMatchObject({ private: 12, metadata: 0 })
  expect(Object.keys(countsOf(json))).toEqual([...denialRules])
})

test('chains of others that drop are found; ours, and those that accept, are not', () => {
  const chain = (table: string, policy: string, hook = 'forward') => ({
    chain: { family: 'ip', table, name: 'FORWARD', hook, policy },
  })
  const chains = [
    chain('filter', 'drop'),
    chain('nat', 'accept'),
    chain('vulcan_v1', 'drop'),
    chain('x', 'drop', 'input'),
  ]
  expect(foreignDropsOf(JSON.stringify({ nftables: [{ metainfo: {} }, ...chains] }), 'v1')).toEqual([
    'ip filter FORWARD',
  ])
})

import { expect, test } from 'vitest'
import type { Firewall } from '../../api/firewall.ts'
import { Scope } from '../../base/scope.ts'
import { refusedBy } from './addresses.ts'
import { type Floor, onFloor } from './floor.ts'
import type { GuestRule } from './rules.ts'
import { firewallOf, mostElements } from './told.ts'

const options = {
  instance: 'v1',
  bridge: 'vulv1',
  subnet: '10.88.0.0/16',
  gateway: '10.88.0.1',
  resolvers: ['10.0.2.3'],
  ports: { udp: 5353, tcp: 5354 },
}
const guest: GuestRule = {
  port: 'veth1',
  mac: '02:00:00:00:00:07',
  address: '10.88.0.5',
  mode: 'listed',
  allow: ['192.0.2.0/24', '198.51.100.2/32'],
  names: ['files.example'],
}

test('of a guest its own elements are told, and no other’s', () => {
  expect(firewallOf(options, guest)).toMatchObject({
    table: 'vulcan_v1',
    elements: [
      { family: 'bridge', set: 'ports', element: '"veth1"' },
      { family: 'inet', set: 'ports', element: '"veth1"' },
      { family: 'bridge', set: 'guests', element: '"veth1" . 02:00:00:00:00:07 . 10.88.0.5' },
      { family: 'inet', set: 'guests', element: '02:00:00:00:00:07 . 10.88.0.5 : goto listed' },
      { family: 'inet', set: 'listed', element: '10.88.0.5' },
      { family: 'inet', set: 'books', element: '10.88.0.5 : jump book_10.88.0.5' },
      { family: 'inet', set: 'names', element: '10.88.0.5 : jump names_10.88.0.5' },
      { family: 'inet', set: 'allowed', element: '10.88.0.5 . 192.0.2.0/24' },
      { family: 'inet', set: 'allowed', element: '10.88.0.5 . 198.51.100.2' },
    ],
    elements_others: 0,
  })
})

test.each(['host', 'internet', 'listed'] as const)('the chains are those that a packet of mode %s meets', (mode) => {
  const { chains } = firewallOf(options, { ...guest, mode })
  const asked = mode === 'listed' ? ['asked', 'asking', 'answering'] : []
  expect(chains.map(({ family, chain }) => `${family} ${chain}`)).toEqual([
    ...asked.map((chain) => `inet ${chain}`),
    'bridge prerouting',
    'bridge pinned',
    'inet unbridged',
    'inet prerouting',
    'inet input',
    'inet forward',
    `inet ${mode}`,
    'inet never',
    'inet admitted',
    'inet refuse',
    'inet answer',
    'inet postrouting',
  ])
  for (const { rules } of chains) expect(rules.length).toBeGreaterThan(0)
  expect(chains.filter(({ hook }) => hook !== undefined).map(({ chain }) => chain)).toEqual([
    ...asked.filter((chain) => chain !== 'asking'),
    'prerouting',
    'unbridged',
    'prerouting',
    'input',
    'forward',
    'postrouting',
  ])
})

test('what the chains name is told: ranges that are never reached, and name servers where its mode asks for them', () => {
  const ranges = Object.fromEntries(
    Object.entries(refusedBy).map(([name, all]) => [name, all.map((range) => range.replace('/32', ''))]),
  )
  expect(firewallOf(options, guest).sets).toEqual(ranges)
  expect(firewallOf(options, { ...guest, mode: 'internet' }).sets).toEqual({ ...ranges, resolvers: ['10.0.2.3'] })
})

test('a long list of what may be reached is cut, never what says who the guest is', () => {
  const allow = Array.from({ length: 300 }, (_, at) => `198.51.${at % 250}.${2 * Math.floor(at / 250)}/32`)
  const { elements, elements_others: others } = firewallOf(options, { ...guest, allow })
  expect(elements).toHaveLength(mostElements)
  expect(others).toBe(307 - mostElements)
  const first = ['ports', 'ports', 'guests', 'guests', 'listed', 'books', 'names', 'allowed']
  expect(elements.slice(0, 8).map(({ set }) => set)).toEqual(first)
})

let floor: Floor
onFloor(
  'what nft has',
  (built) => (floor = built),
  () => {
    test.each([
      { mode: 'host', allow: [] },
      { mode: 'internet', allow: [] },
      { mode: 'internet', allow: ['second.example', '192.0.2.0/24'] },
    ] as const)('with mode $mode and $allow the rules of the record are the rules that nft lists', async (spec) => {
      await using scope = new Scope('vms')
      await floor.guest(scope, 1)
      const { firewall, own } = await floor.guest(scope, 2, spec)
      if (!firewall) throw new Error('the guest has no rules')
      expect(await listed(firewall)).toEqual(told(firewall))
      const stranger = (await floor.networks.firewallOf(floor.id(1)))?.elements ?? []
      expect(stranger.length).toBeGreaterThan(0)
      expect(JSON.stringify(firewall)).toContain(own)
      for (const { set, element } of stranger) expect(firewall.elements).not.toContainEqual({ set, element })
      expect(await floor.networks.firewallOf(floor.id(2))).toEqual(firewall)
    })

    test('without an interface there are none', async () => {
      await using scope = new Scope('vm')
      expect((await floor.attach(scope, 3, { mode: 'none' })).firewall).toBeUndefined()
      expect(await floor.networks.firewallOf(floor.id(3))).toBeUndefined()
    })
  },
)

/** Of spaces and ends of lines nft has its own mind. */
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

const told = ({ chains, elements, sets }: Firewall) => ({
  chains: chains.map(({ hook, rules }) => [hook, ...rules].filter((line) => line !== undefined).map(plain)),
  elements: elements.map(() => true),
  sets: Object.fromEntries(Object.entries(sets).map(([name, members]) => [name, members.toSorted()])),
})

/** The same from nft's listing: each chain's lines, whether each element is there, and what the sets hold. */
async function listed({ table, chains, elements, sets }: Firewall) {
  const list = (...words: string[]) => floor.onHost('nft', 'list', ...words)
  const linesOf = (text: string) => text.split('\n').map(plain)
  const isThere = async ({ family, set, element }: Firewall['elements'][number]) => {
    const kind = element.includes(' : ') ? 'map' : 'set'
    const text = plain(await list(kind, family, table, set))
    return text.includes(element)
  }
  return {
    chains: await Promise.all(
      chains.map(async ({ family, chain }) => linesOf(await list('chain', family, table, chain)).slice(2, -3)),
    ),
    elements: await Promise.all(elements.map(isThere)),
    sets: Object.fromEntries(
      await Promise.all(
        Object.keys(sets).map(async (name) => {
          const [, members = ''] = /elements = \{ (.*?) \}/.exec(plain(await list('set', 'inet', table, name))) ?? []
          return [name, members.split(', ').sort()] as const
        }),
      ),
    ),
  }
}

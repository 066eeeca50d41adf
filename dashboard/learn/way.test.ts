import { expect, test } from 'vitest'
import { zonesOf } from './way.ts'

const nic = {
  ...{ address: '10.88.0.7/16', mac: '02:00:00:00:00:07', gateway: '10.88.0.1', tap: 'tap0', netns: 'vulcan-1' },
  ...{ port: 'veth9', peer: 'eth0', bridge: 'vulvulcan' },
}
const own = { family: 'inet', set: 'guests', element: '02:00:00:00:00:07 . 10.88.0.7 : goto internet' } as const
const firewall = { table: 'vulcan_1', elements: [own], elements_others: 0, chains: [], sets: {} }

test('the way of a packet is that of this very run, from the guest outwards', () => {
  const zones = zonesOf({ mode: 'internet', nic }, firewall)
  expect(zones.flatMap(({ hops }) => hops.map(({ name, own: told }) => [name, ...told].join(' ')))).toEqual([
    'Interface 10.88.0.7/16 02:00:00:00:00:07',
    'Tap tap0',
    'tc redirect tap0 ⇄ eth0',
    'veth eth0 ⇄ veth9',
    'Bridge vulvulcan',
    `nftables ${own.element}`,
    'Gateway 10.88.0.1',
    'NAT',
  ])
})

test('with mode host it ends at the gateway', () => {
  expect(
    zonesOf({ mode: 'host', nic }, firewall)
      .at(-1)
      ?.hops.map(({ name }) => name),
  ).toEqual(['Gateway'])
})

test('without an interface there is none; of an older record what it does not say is left out', () => {
  expect(zonesOf({ mode: 'none' }, undefined)).toEqual([])
  const { peer: _peer, bridge: _bridge, ...older } = nic
  const hops = zonesOf({ mode: 'internet', nic: older }, undefined).flatMap((zone) => zone.hops)
  expect(hops.find(({ name }) => name === 'Bridge')?.own).toEqual([])
  expect(hops.find(({ name }) => name === 'veth')?.own).toEqual(['the cable ⇄ veth9'])
})

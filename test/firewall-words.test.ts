/** What the dashboard says of a firewall's rules, for the rules that there are. */
import { expect, test } from 'vitest'
import { chaptersOf } from '../dashboard/learn/rules.ts'
import { firewallOf } from '../src/firecracker/network/told.ts'

const options = {
  ...{ instance: 'v1', bridge: 'vulv1', subnet: '10.88.0.0/16', gateway: '10.88.0.1', resolvers: ['10.0.2.3'] },
  ports: { udp: 5353, tcp: 5354 },
}
const guest = {
  ...{ port: 'veth1', mac: '02:00:00:00:00:07', address: '10.88.0.5' },
  ...{ allow: ['192.0.2.0/24'], names: ['files.example'] },
}

test.each(['host', 'internet', 'listed'] as const)('each chain and each rule of mode %s has its sentence', (mode) => {
  const chapters = chaptersOf(firewallOf(options, { ...guest, mode }))
  expect(chapters.filter(({ about }) => about === '').map(({ name }) => name)).toEqual([])
  const rules = chapters.flatMap((chapter) => chapter.rules)
  expect(rules.filter(({ meaning }) => meaning === '').map(({ text }) => text)).toEqual([])
})

test('under a rule stands what its set holds of this vm, and of what all share, all of it', () => {
  const rules = chaptersOf(firewallOf(options, { ...guest, mode: 'listed' })).flatMap((chapter) => chapter.rules)
  const holds = (form: RegExp) => rules.find(({ text }) => form.test(text))?.holds
  expect(holds(/@ports/)).toEqual(['"veth1"'])
  expect(holds(/ether saddr \. ip saddr vmap @guests/)).toEqual(['02:00:00:00:00:07 . 10.88.0.5 : goto listed'])
  expect(holds(/@allowed/)).toEqual(['10.88.0.5 . 192.0.2.0/24'])
  expect(holds(/vmap @names/)).toEqual(['10.88.0.5 : jump names_10.88.0.5'])
  expect(holds(/@private/)).toContain('192.168.0.0/16')
  expect(holds(/^jump never/)).toEqual([])
})

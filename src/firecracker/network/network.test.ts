/** What each mode lets a guest reach, on a real kernel: real plugins and firewall, in a host made of namespaces. */
import { expect, test } from 'vitest'
import { Scope } from '../../base/scope.ts'
import { type Floor, gateway, onFloor } from './floor.ts'
import { attempt, batch, internet, serve, uplink } from './lab.ts'

const sumOf = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

let floor: Floor
onFloor(
  'modes',
  (built) => (floor = built),
  () => {
    test('internet: reaches public addresses through the host; private ones and the host are refused at once', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 2)
      const refused = sumOf(await floor.networks.refused())
      const seen = await attempt(floor.id(2), [
        `tcp_${internet.first}_80`,
        `tcp_${internet.second}_80`,
        `tcp_${internet.private}_80`,
        `tcp_${internet.home}_80`,
        `tcp_${internet.shared}_80`,
        `tcp_${internet.metadata}_80`,
        `tcp_${uplink}_80`,
        `tcp_${gateway}_80`,
        `tcp_${internet.resolver}_80`,
        `tcp_${internet.resolver}_53`,
        `udp_${internet.resolver}_53`,
        `udp_${internet.private}_53`,
      ])
      expect(seen).toEqual({
        [`tcp_${internet.first}_80`]: `from ${uplink}`,
        [`tcp_${internet.second}_80`]: `from ${uplink}`,
        [`tcp_${internet.private}_80`]: 'refused',
        [`tcp_${internet.home}_80`]: 'refused',
        [`tcp_${internet.shared}_80`]: 'refused',
        [`tcp_${internet.metadata}_80`]: 'refused',
        [`tcp_${uplink}_80`]: 'refused',
        [`tcp_${gateway}_80`]: 'refused',
        [`tcp_${internet.resolver}_80`]: 'refused',
        [`tcp_${internet.resolver}_53`]: `from ${uplink}`,
        [`udp_${internet.resolver}_53`]: `from ${uplink}`,
        [`udp_${internet.private}_53`]: 'refused',
      })
      expect(sumOf(await floor.networks.refused()) - refused).toBeGreaterThanOrEqual(8)
    })

    test('host: reaches the gateway address and nothing else', async () => {
      await using scope = new Scope('vm')
      const { nic, own } = await floor.guest(scope, 3, { mode: 'host' })
      expect(nic?.nameservers).toEqual([])
      expect(
        await attempt(floor.id(3), [
          `tcp_${gateway}_80`,
          `tcp_${uplink}_80`,
          `tcp_${internet.first}_80`,
          `udp_${internet.resolver}_53`,
        ]),
      ).toEqual({
        [`tcp_${gateway}_80`]: `from ${own}`,
        [`tcp_${uplink}_80`]: 'refused',
        [`tcp_${internet.first}_80`]: 'refused',
        [`udp_${internet.resolver}_53`]: 'refused',
      })
    })

    test('allow: opens blocks and closes the rest; private ranges stay closed whatever covers them', async () => {
      await using scope = new Scope('vm')
      const { nic } = await floor.guest(scope, 5, { allow: ['203.0.113.0/24', '192.0.2.7', '0.0.0.0/1'] })
      // 0.0.0.0/1 covers the private resolver; names are asked of the gateway.
      expect(nic?.nameservers).toEqual([gateway])
      expect(
        await attempt(floor.id(5), [
          `tcp_${internet.second}_80`,
          `tcp_${internet.first}_80`,
          `tcp_${internet.private}_80`,
          `udp_${internet.resolver}_53`,
        ]),
      ).toEqual({
        [`tcp_${internet.second}_80`]: `from ${uplink}`,
        [`tcp_${internet.first}_80`]: 'refused',
        [`tcp_${internet.private}_80`]: 'refused',
        [`udp_${internet.resolver}_53`]: 'refused',
      })
    })

    test('guests cannot reach each other, and hear so at once; nor can the internet reach a guest', async () => {
      await using scope = new Scope('vms')
      const [a, b] = [await floor.guest(scope, 7, { mode: 'host' }), await floor.guest(scope, 8)]
      // Somebody listens in both: an answer would come if anything came through.
      await Promise.all([7, 8].map((n) => serve(scope, floor.id(n))))
      for (const [from, to] of [
        [7, b.own],
        [8, a.own],
      ] as const) {
        expect(await attempt(floor.id(from), [`tcp_${to}_80`, `udp_${to}_53`])).toEqual({
          [`tcp_${to}_80`]: 'refused',
          [`udp_${to}_53`]: 'refused',
        })
      }
      const inet = floor.lab.hostName.replace('-host', '-inet')
      await batch(inet, [`route add 10.88.0.0/16 via ${uplink}`])
      expect(await attempt(inet, [`tcp_${b.own}_80`])).toEqual({ [`tcp_${b.own}_80`]: 'refused' })
    })

    test.each([
      ['an address', ['addr flush dev eth0', 'addr add 10.88.77.77/16 dev eth0', `route add default via ${gateway}`]],
      ['a MAC', ['link set dev eth0 address 02:00:00:00:77:77']],
    ])('a guest that takes %s of its own is not heard', async (_, lines) => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 9)
      const targets = [`tcp_${internet.first}_80`]
      expect(await attempt(floor.id(9), targets)).toEqual({ [`tcp_${internet.first}_80`]: `from ${uplink}` })
      await batch(floor.id(9), lines)
      const [seen] = Object.values(await attempt(floor.id(9), targets))
      expect(seen).toMatch(/^(silent|refused late)$/)
      expect(await floor.onHost('ip', 'neigh')).not.toMatch(/77\.77|77:77/)
    })

    test('whom the firewall does not know reaches nothing; prepare brings the guests that live back', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 11)
      await floor.onHost('nft', 'flush', 'map', 'inet', `vulcan_${floor.lab.instance}`, 'guests')
      const targets = [`tcp_${internet.first}_80`, `tcp_${gateway}_80`]
      expect(Object.values(await attempt(floor.id(11), targets))).toEqual(['refused', 'refused'])
      await floor.open().prepare()
      expect(Object.values(await attempt(floor.id(11), targets))).toEqual([`from ${uplink}`, 'refused'])
    })

    test('IPv6 of a guest goes nowhere', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 10)
      const bridge = `vul${floor.lab.instance}`
      await floor.lab.host.sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, '0')
      await batch(floor.lab.hostName, [`addr add fd00::1/64 dev ${bridge} nodad`])
      await batch(floor.id(10), ['addr add fd00::2/64 dev eth0 nodad'])
      const [seen] = Object.values(await attempt(floor.id(10), ['tcp_fd00::1_80']))
      expect(seen).toMatch(/^(silent|refused late)$/)
      await floor.lab.host.sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, '1')
    })
  },
)

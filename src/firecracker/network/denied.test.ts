/** What the firewall notes of its refusals, on a real kernel: real plugins and firewall, in a host made of namespaces. */
import { expect, test } from 'vitest'
import type { NetworkSpec } from '../../backend/backend.ts'
import { mostDenials } from '../../backend/denial.ts'
import { Scope } from '../../base/scope.ts'
import { type Floor, gateway, nothing, onFloor } from './floor.ts'
import { attempt, internet, uplink } from './lab.ts'
import type { Networks } from './network.ts'

/** Sends one datagram to each port of an address, from the first on. */
const spray = `
const socket = require('node:dgram').createSocket('udp4')
socket.on('error', () => {})
const [address, first, count] = process.argv.slice(1)
let left = Number(count)
const next = () => left-- > 0 ? socket.send('x', Number(first) + left, address, () => setImmediate(next)) : socket.close()
next()`

let floor: Floor
onFloor(
  'refusals are noted',
  (built) => (floor = built),
  () => {
    /** What is known now of the nth vm's refusals, a line each, and of how many more there were. */
    async function noted(n: number, networks: Networks = floor.networks) {
      await using scope = new Scope('watch')
      const book = await networks.watch(scope, floor.id(n))
      await book?.finish()
      const { known = [], others = 0 } = book?.denials ?? {}
      const lines = known.map((d) => `${d.rule} ${d.protocol} ${d.address}${d.port ? `:${d.port}` : ''} ${d.count}`)
      return { lines: lines.sort(), others }
    }

    const elsewhere = '10.88.200.200'
    const tcp = (address: string, port = 80) => `tcp_${address}_${port}`
    const cases: readonly [string, Partial<NetworkSpec>, readonly string[], readonly string[]][] = [
      [
        'internet',
        {},
        [
          ...[internet.first, internet.metadata, internet.private, internet.shared, uplink, gateway, elsewhere].map(
            (a) => tcp(a),
          ),
          ...['100.100.100.200', '168.63.129.16', '198.18.0.1'].map((a) => tcp(a)),
          tcp(internet.private, 22),
          `udp_${internet.home}_53`,
        ],
        [
          'guest tcp 10.88.200.200:80 1',
          'host tcp 10.88.0.1:80 1',
          'host tcp 198.51.100.1:80 1',
          'metadata tcp 100.100.100.200:80 1',
          'metadata tcp 168.63.129.16:80 1',
          'metadata tcp 169.254.169.254:80 1',
          'private tcp 10.9.9.9:22 1',
          'private tcp 10.9.9.9:80 1',
          'private tcp 100.64.0.9:80 1',
          'private udp 192.168.7.7:53 1',
          'reserved tcp 198.18.0.1:80 1',
        ],
      ],
      [
        'an allow list',
        { allow: [internet.first] },
        [tcp(internet.first), tcp(internet.second), tcp(internet.private), `udp_${internet.second}_53`],
        ['allow tcp 203.0.113.9:80 1', 'allow udp 203.0.113.9:53 1', 'private tcp 10.9.9.9:80 1'],
      ],
      [
        'host',
        { mode: 'host' },
        [tcp(gateway), tcp(internet.first), tcp(uplink), tcp(internet.metadata)],
        ['host tcp 198.51.100.1:80 1', 'metadata tcp 169.254.169.254:80 1', 'mode tcp 198.51.100.2:80 1'],
      ],
    ]
    test.each(cases)(
      '%s: by the rule that refused, and what was open is not there',
      async (_, spec, targets, wanted) => {
        await using scope = new Scope('vm')
        await floor.guest(scope, 1, spec)
        const before = await floor.networks.refused()
        await attempt(floor.id(1), targets)
        expect(await noted(1)).toEqual({ lines: [...wanted], others: 0 })
        const after = await floor.networks.refused()
        for (const rule of ['metadata', 'allow', 'mode'] as const)
          expect(after[rule] - before[rule]).toBe(wanted.filter((line) => line.startsWith(rule)).length)
      },
    )

    test('what was tried again counts on; a vm without an interface has no book', async () => {
      await using scope = new Scope('vms')
      await floor.guest(scope, 2)
      await floor.attach(scope, 3, { mode: 'none' })
      for (let times = 0; times < 3; times += 1) await attempt(floor.id(2), [tcp(internet.private)])
      expect(await noted(2)).toEqual({ lines: ['private tcp 10.9.9.9:80 3'], others: 0 })
      expect(await floor.networks.watch(scope, floor.id(3))).toBeUndefined()
    })

    test('a guest that tries thousands of ports fills its own book, and nobody else’s', async () => {
      await using scope = new Scope('vms')
      await floor.guest(scope, 4)
      await floor.guest(scope, 5)
      await floor.inGuest(4, spray, internet.private, '1000', '5000')
      await attempt(floor.id(5), [tcp(internet.metadata)])
      const { lines, others } = await noted(4)
      expect([lines.length, others]).toEqual([mostDenials, 5000 - mostDenials])
      expect(await noted(5)).toEqual({ lines: ['metadata tcp 169.254.169.254:80 1'], others: 0 })
    })

    test('the next server finds what the one before had noted, and goes on', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 6)
      await floor.inGuest(6, spray, internet.private, '1000', '100')
      const before = await noted(6)
      const next = floor.open()
      await next.prepare()
      expect(await noted(6, next)).toEqual(before)
      await floor.inGuest(6, spray, internet.private, '1000', '100')
      const after = await noted(6, next)
      expect(after.others).toBe(2 * before.others)
      expect(after.lines).toEqual(before.lines.map((line) => line.replace(/1$/, '2')))
    })

    test('a book goes with its guest', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 7)
      await attempt(floor.id(7), [tcp(internet.private)])
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
      await using again = new Scope('vm')
      await floor.guest(again, 7)
      expect(await noted(7)).toEqual({ lines: [], others: 0 })
    })
  },
)

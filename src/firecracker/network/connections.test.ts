/** How many connections a guest may have and open, on a real kernel: real plugins and firewall, in a host made of namespaces. */
import { expect, test } from 'vitest'
import { Scope } from '../../base/scope.ts'
import { type Floor, onFloor } from './floor.ts'
import { attempt, internet } from './lab.ts'

/** Opens so many connections to port 80 of an address, one after another, and keeps them; tells how many there were. */
const keeper = `
const net = require('node:net')
const [address, count] = process.argv.slice(1)
const open = () => new Promise((done) => {
  const socket = net.connect({ host: address, port: 80, allowHalfOpen: true })
  socket.on('connect', () => done(true)).on('error', () => done(false))
})
void (async () => {
  let held = 0
  for (let n = 0; n < Number(count); n += 1) held += Number(await open())
  console.log(held)
  process.exit()
})()`

let floor: Floor
onFloor(
  'connections are limited',
  (built) => (floor = built),
  () => {
    const hold = async (n: number, count: number): Promise<number> =>
      Number(await floor.inGuest(n, keeper, internet.first, String(count)))

    /** What is known now of the nth vm's refusals. */
    async function noted(n: number): Promise<string[]> {
      await using scope = new Scope('watch')
      const book = await floor.networks.watch(scope, floor.id(n))
      await book?.finish()
      return (book?.denials?.known ?? []).map(({ rule, address, count }) => `${rule} ${address} ${count}`)
    }

    test('that are open at once: those beyond are refused by name, another guest has its own', async () => {
      await floor.open({ connections: { atOnce: 5, perSecond: 1000, burst: 1000 } }).prepare()
      await using scope = new Scope('vms')
      const { own } = await floor.guest(scope, 1)
      await floor.guest(scope, 2)
      expect(await hold(1, 9)).toBe(5)
      expect(await noted(1)).toEqual([`limit ${internet.first} 4`])
      expect(await hold(2, 5)).toBe(5)
      expect(await noted(2)).toEqual([])
      // The next guest with that address begins with nothing.
      expect(await floor.onHost('nft', 'list', 'ruleset')).toContain(own)
      await scope.close()
      expect(await floor.onHost('nft', 'list', 'ruleset')).not.toContain(own)
    })

    test('that begin in a second: a burst is let through, then a few at a time; what is refused for itself does not count', async () => {
      await floor.open({ connections: { atOnce: 1000, perSecond: 1, burst: 20 } }).prepare()
      await using scope = new Scope('vm')
      await floor.guest(scope, 3)
      const scan = Array.from({ length: 40 }, (_, port) => `tcp_${internet.private}_${port + 1}`)
      expect(new Set(Object.values(await attempt(floor.id(3), scan)))).toEqual(new Set(['refused']))
      expect(await hold(3, 20)).toBe(20)
      expect(await hold(3, 200)).toBeLessThan(200)
      expect((await noted(3)).filter((line) => line.startsWith('limit'))).toHaveLength(1)
    })

    test('every program that is no flood has enough', async () => {
      await floor.open().prepare()
      await using scope = new Scope('vm')
      await floor.guest(scope, 4)
      expect(await hold(4, 500)).toBe(500)
      expect(await noted(4)).toEqual([])
    })
  },
)

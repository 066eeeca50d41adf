/** Names of a list, on a real kernel: asked, opened and closed again, in a host made of namespaces. */
import { beforeEach, expect, test } from 'vitest'
import type { NetworkSpec } from '../../backend/backend.ts'
import { Scope } from '../../base/scope.ts'
import { type Floor, gateway, nothing, onFloor } from './floor.ts'
import { attempt, internet, uplink } from './lab.ts'
import type { Networks } from './network.ts'

/** Asks our name server for each name, TYPE:NAME or NAME for A; tells what came, and after how many milliseconds. */
const asker = `
const { Resolver } = require('node:dns').promises
const resolver = new Resolver({ timeout: 8000, tries: 1 })
resolver.setServers(['${gateway}'])
const one = async (asked) => {
  const [name, type = 'A'] = asked.split(':').reverse()
  const at = performance.now()
  const outcome = await resolver.resolve(name, type).catch((error) => error.code)
  return [asked, { outcome, ms: performance.now() - at }]
}
Promise.all(process.argv.slice(1).map(one)).then((all) => console.log(JSON.stringify(Object.fromEntries(all))))`

/** Has so many words echoed over one connection, one each half second; says how that went. */
const holder = `
const socket = require('node:net').connect({ host: process.argv[1], port: 7 })
const say = (word) => { console.log(word); process.exit() }
socket.on('error', (error) => say(error.code)).on('connect', () => socket.write('x'))
let heard = 0
socket.on('data', () => {
  heard += 1
  if (heard === Number(process.argv[2])) return say('heard')
  setTimeout(() => socket.write('x'), 500)
})
setTimeout(() => say('silent'), 15000)`

let floor: Floor
onFloor(
  'names of a list',
  (built) => (floor = built),
  () => {
    let networks: Networks
    beforeEach(async () => {
      floor.lab.names.clear()
      floor.lab.names.set('second.example', [{ address: internet.second, ttl: 60 }])
      networks = floor.open({ graceS: 2 })
      await networks.prepare()
    })

    async function ask(n: number, ...names: readonly string[]) {
      const said = JSON.parse(await floor.inGuest(n, asker, ...names)) as Record<
        string,
        { outcome: unknown; ms: number }
      >
      for (const { ms } of Object.values(said)) expect(ms).toBeLessThan(6000)
      return Object.fromEntries(Object.entries(said).map(([name, { outcome }]) => [name, outcome]))
    }

    const guest = (scope: Scope, n: number, spec: Partial<NetworkSpec>) => floor.guest(scope, n, { ...spec, networks })
    const reach = async (n: number, address: string = internet.second) =>
      Object.values(await attempt(floor.id(n), [`tcp_${address}_80`]))[0]

    /** What is known now of the nth vm's refusals, a line each. */
    async function noted(n: number, of: Networks = networks) {
      await using scope = new Scope('watch')
      const book = await of.watch(scope, floor.id(n))
      await book?.finish()
      const lines = (book?.denials?.known ?? []).map((d) => [d.rule, d.host ?? d.address, d.host && d.address, d.count])
      return lines.map((words) => words.filter((word) => word !== undefined).join(' ')).sort()
    }

    test('a name is closed until it is asked for, then its addresses alone are open', async () => {
      await using scope = new Scope('vm')
      const { nic } = await guest(scope, 1, { allow: ['second.example', '*.below.example'] })
      expect(nic?.nameservers).toEqual([gateway])
      expect(await reach(1)).toBe('refused')
      expect(await ask(1, 'Second.Example')).toEqual({ 'Second.Example': [internet.second] })
      expect(await reach(1)).toBe(`from ${uplink}`)
      expect(await reach(1, internet.first)).toBe('refused')
      floor.lab.names.set('a.b.below.example', [{ address: internet.first, ttl: 60 }])
      expect(await ask(1, 'a.b.below.example')).toEqual({ 'a.b.below.example': [internet.first] })
      expect(await reach(1, internet.first)).toBe(`from ${uplink}`)
    })

    test('a name that is not on the list, or only nearly, is refused at once and noted', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['second.example', '*.below.example'] })
      const others = ['other.example', 'x.second.example', 'below.example', 'notbelow.example', 'second.example.evil']
      expect(await ask(1, ...others)).toEqual(Object.fromEntries(others.map((name) => [name, 'ENOTFOUND'])))
      expect(await noted(1)).toEqual(others.map((name) => `allow ${name} 1`).toSorted())
      expect((await networks.refused()).allow).toBe(5)
    })

    test('with blocks alone, every name is refused by name; without a list nobody is answered', async () => {
      await using scope = new Scope('vms')
      await guest(scope, 1, { allow: ['203.0.113.0/24'] })
      await guest(scope, 2, {})
      expect(await ask(1, 'second.example')).toEqual({ 'second.example': 'ENOTFOUND' })
      expect(await ask(2, 'second.example')).toEqual({ 'second.example': 'ECONNREFUSED' })
    })

    test('addresses inside are refused and noted, those outside beside them opened', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['*.example'] })
      const at = (...addresses: string[]) => addresses.map((address) => ({ address, ttl: 60 }))
      floor.lab.names.set('half.example', at(internet.metadata, internet.second, internet.private))
      floor.lab.names.set('inside.example', at(internet.home))
      floor.lab.names.set('host.example', at(uplink))
      floor.lab.names.set('guest.example', at('10.88.200.200'))
      expect(await ask(1, 'half.example', 'inside.example', 'host.example', 'guest.example')).toEqual({
        'half.example': [internet.second],
        'inside.example': 'ENOTFOUND',
        'host.example': 'ENOTFOUND',
        'guest.example': 'ENOTFOUND',
      })
      expect(await noted(1)).toEqual([
        'guest guest.example 10.88.200.200 1',
        `host host.example ${uplink} 1`,
        `metadata half.example ${internet.metadata} 1`,
        `private half.example ${internet.private} 1`,
        `private inside.example ${internet.home} 1`,
      ])
      const targets = [internet.second, internet.metadata, internet.private].map((address) => `tcp_${address}_80`)
      expect(Object.values(await attempt(floor.id(1), targets))).toEqual([`from ${uplink}`, 'refused', 'refused'])
    })

    test('what is there and has no IPv4 address gives an empty answer; what fails says so', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['*.example'] })
      floor.lab.names.set('empty.example', [])
      expect(await ask(1, 'AAAA:second.example', 'TXT:second.example', 'empty.example', 'nowhere.example')).toEqual({
        'AAAA:second.example': 'ENODATA',
        'TXT:second.example': 'ENODATA',
        'empty.example': 'ENODATA',
        'nowhere.example': 'ENOTFOUND',
      })
      expect(await noted(1)).toEqual([])
    })

    test('with its time over an address is closed; a name that has moved opens the new one', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['moving.example'] })
      floor.lab.names.set('moving.example', [{ address: internet.second, ttl: 1 }])
      await ask(1, 'moving.example')
      expect(await reach(1)).toBe(`from ${uplink}`)
      await expect.poll(() => reach(1), { timeout: 20_000 }).toBe('refused')
      floor.lab.names.set('moving.example', [{ address: internet.first, ttl: 60 }])
      expect(await ask(1, 'moving.example')).toEqual({ 'moving.example': [internet.first] })
      expect(await reach(1, internet.first)).toBe(`from ${uplink}`)
      expect(await reach(1)).toBe('refused')
    })

    test('a connection that is open goes on after that', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['moving.example'] })
      floor.lab.names.set('moving.example', [{ address: internet.second, ttl: 1 }])
      await ask(1, 'moving.example')
      const held = floor.inGuest(1, holder, internet.second, '14')
      await expect.poll(() => reach(1), { timeout: 20_000 }).toBe('refused')
      expect((await held).trim()).toBe('heard')
    })

    test('the next server answers the guests of the one before, with what was open and refused', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['second.example'] })
      await ask(1, 'second.example', 'other.example')
      await networks.close()
      const next = floor.open()
      await next.prepare()
      expect(await reach(1)).toBe(`from ${uplink}`)
      expect(await noted(1, next)).toEqual(['allow other.example 1'])
      expect(await ask(1, 'second.example', 'other.example')).toEqual({
        'second.example': [internet.second],
        'other.example': 'ENOTFOUND',
      })
      expect(await noted(1, next)).toEqual(['allow other.example 2'])
    })

    test('many addresses come by TCP, whose connections are few and end', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['many.example'.padStart(60, 'many-')] })
      const name = 'many.example'.padStart(60, 'many-')
      const many = Array.from({ length: 40 }, (_, n) => ({ address: `203.0.113.${n + 1}`, ttl: 60 }))
      floor.lab.names.set(name, many)
      const told = (await ask(1, name))[name] as string[]
      expect(told).toHaveLength(16)
      const idle = `
        const net = require('node:net')
        let closed = 0
        for (let n = 0; n < 30; n += 1) net.connect({ host: '${gateway}', port: 53 }).on('close', () => {
          closed += 1
          if (closed === 22) { console.log(closed); process.exit() }
        }).on('error', () => {})`
      expect((await floor.inGuest(1, idle)).trim()).toBe('22')
    })

    test('a flood is refused by the firewall, and another guest answered all the while', async () => {
      await using scope = new Scope('vms')
      await guest(scope, 1, { allow: ['second.example'] })
      await guest(scope, 2, { allow: ['second.example'] })
      const flood = `
        const { randomBytes } = require('node:crypto')
        const socket = require('node:dgram').createSocket('udp4').on('error', () => {})
        const query = (n) => Buffer.concat([Buffer.from([n >> 8, n & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8]), Buffer.from(String(n).padStart(8, 'x')), Buffer.from([0, 0, 1, 0, 1])])
        let left = 20000
        const next = () => left-- > 0 ? socket.send(left % 2 ? randomBytes(left % 100) : query(left), 53, '${gateway}', () => setImmediate(next)) : socket.close()
        next()`
      const flooding = floor.inGuest(1, flood)
      for (let times = 0; times < 5; times += 1)
        expect(await ask(2, 'second.example')).toEqual({ 'second.example': [internet.second] })
      await flooding
      const lines = await noted(1)
      expect(lines.filter((line) => line.startsWith(`limit ${gateway}`))).toHaveLength(1)
      expect(lines.filter((line) => !/^allow x|^limit/.test(line))).toEqual([])
      expect(lines.length).toBeLessThanOrEqual(65)
      expect(await noted(2)).toEqual([])
    })

    test('a guest that was in without a list is held to the one it is given', async () => {
      await using scope = new Scope('vm')
      const { own: _, ...network } = await guest(scope, 1, {})
      expect(await reach(1)).toBe(`from ${uplink}`)
      const spec = { mode: 'internet', allow: ['second.example', internet.first] } as const
      const narrowed = await networks.narrow(network, { vmId: floor.id(1), spec, signal: AbortSignal.timeout(60_000) })
      const firewall = await networks.firewallOf(floor.id(1))
      expect(firewall?.chains.map(({ chain }) => chain)).toContain('listed')
      expect(narrowed).toEqual({ ...network, nic: { ...network.nic, nameservers: [gateway] }, firewall })
      expect([await reach(1), await reach(1, internet.first)]).toEqual(['refused', `from ${uplink}`])
      expect(await ask(1, 'second.example')).toEqual({ 'second.example': [internet.second] })
      expect(await reach(1)).toBe(`from ${uplink}`)
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('what a guest opened goes with it', async () => {
      await using scope = new Scope('vm')
      await guest(scope, 1, { allow: ['second.example'] })
      await ask(1, 'second.example')
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })
  },
)

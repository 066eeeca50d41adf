/** How networks of vms come and go, on a real kernel: real plugins and firewall, in a host made of namespaces. */
import { expect, test } from 'vitest'
import { run } from '../../base/process.ts'
import { Scope } from '../../base/scope.ts'
import { chooseSubnet } from './bridge.ts'
import { foreignDrops } from './foreign.ts'
import { type Floor, gateway, nothing, onFloor } from './floor.ts'
import { attempt, internet, ip, uplink } from './lab.ts'

const signal = AbortSignal.timeout(240_000)

let floor: Floor
onFloor(
  'lifecycle',
  (built) => (floor = built),
  () => {
    test('gives a vm a tap of its own user, an address and a gateway, in four commands, and takes all back', async () => {
      await using scope = new Scope('vm')
      floor.lab.commands.length = 0
      const network = await floor.attach(scope, 1)
      expect(floor.lab.commands).toEqual(['vulcan-spawner netns', 'bridge', 'vulcan-tap', 'nft -f'])
      expect(network).toEqual({
        netns: `/var/run/netns/${floor.id(1)}`,
        nic: {
          tap: 'tap0',
          port: expect.stringMatching(/^veth/) as string,
          mac: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/) as string,
          address: expect.stringMatching(/^10\.88\.\d+\.\d+\/16$/) as string,
          gateway,
          mtu: 1500,
          nameservers: [internet.resolver],
          bridge: `vul${floor.lab.instance}`,
          peer: 'eth0',
        },
        firewall: await floor.networks.firewallOf(floor.id(1)),
      })
      const taps = (await ip(['-n', floor.id(1), 'tuntap', 'show'])).stdout
      expect(taps).toMatch(/tap0: tap.*vnet_hdr.*persist.*user 1234 group 5678/)
      await floor.networks.check(floor.id(1), signal)
      await ip(['-n', floor.id(1), 'link', 'set', 'tap0', 'down'])
      await expect(floor.networks.check(floor.id(1), signal)).rejects.toMatchObject({
        code: 'network_failed',
        step: 'CNI CHECK',
        message: expect.stringContaining('tap0 is down') as string,
      })
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('none: a namespace with loopback down and nothing else', async () => {
      await using scope = new Scope('vm')
      floor.lab.commands.length = 0
      expect(await floor.attach(scope, 4, { mode: 'none' })).toEqual({
        netns: `/var/run/netns/${floor.id(4)}`,
      })
      expect(floor.lab.commands).toEqual(['vulcan-spawner netns'])
      const links = JSON.parse((await ip(['-n', floor.id(4), '-j', 'link'])).stdout) as {
        ifname: string
        flags: string[]
      }[]
      expect(links.map(({ ifname, flags }) => [ifname, flags.includes('UP')])).toEqual([['lo', false]])
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test.each([
      ['no name', 'nor a host name'],
      ['10.0.0.0/8', 'no guest reaches'],
    ])('allow: %s is refused before anything is made', async (entry, words) => {
      await using scope = new Scope('vm')
      floor.lab.commands.length = 0
      await expect(floor.attach(scope, 6, { allow: ['192.0.2.1', entry] })).rejects.toMatchObject({
        code: 'invalid_field',
        field: '/network/allow/1',
        message: expect.stringContaining(words) as string,
      })
      expect(floor.lab.commands).toEqual([])
    })

    test('a plugin that fails is undone by DEL, and its words are in the error', async () => {
      const scope = new Scope('vm')
      const networks = floor.open({ tapPlugin: 'no-such-plugin' })
      await expect(floor.attach(scope, 11, { networks })).rejects.toMatchObject({
        code: 'network_failed',
        step: 'CNI ADD',
        message: expect.stringContaining('no-such-plugin') as string,
      })
      // DEL fails on the plugin that is not there, as it must; what the others made and the namespace go all the same.
      await expect(scope.close()).rejects.toThrow('no-such-plugin')
      await expect.poll(() => floor.sweep(floor.networks)).toEqual({})
      // The kernel takes the veth away some time after its namespace.
      await expect.poll(() => floor.residue()).toEqual(nothing)
    })

    test('the next server takes up the network of a guest that lives, and takes it down with it', async () => {
      await using dead = new Scope('of a dead server')
      await using scope = new Scope('vm')
      await floor.guest(dead, 15, { allow: [internet.first] })
      await floor.attach(dead, 16, { mode: 'none' })
      const next = floor.open()
      await next.prepare()
      await next.reattach(scope, { vmId: floor.id(15), spec: { mode: 'internet', allow: [internet.first] } })
      await next.reattach(scope, { vmId: floor.id(16), spec: { mode: 'none', allow: [] } })
      expect(await attempt(floor.id(15), [`tcp_${internet.first}_80`])).toEqual({
        [`tcp_${internet.first}_80`]: `from ${uplink}`,
      })
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('what is no longer whole is not taken up, and goes all the same', async () => {
      await using scope = new Scope('vm')
      await floor.attach(scope, 17, { mode: 'none' })
      const spec = { mode: 'host', allow: [] } as const
      await using second = new Scope('second')
      await expect(floor.networks.reattach(second, { vmId: floor.id(17), spec })).rejects.toThrow(
        'has no attachment, no rule',
      )
      await second.close()
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('many at once get addresses of their own', async () => {
      await using scope = new Scope('vms')
      const all = await Promise.all(Array.from({ length: 8 }, (_, n) => floor.attach(scope, 20 + n)))
      expect(new Set(all.map((network) => network.nic?.address)).size).toBe(8)
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('an aborted attach leaves nothing and keeps the reason', async () => {
      await using scope = new Scope('vm')
      const abort = new AbortController()
      const spec = { mode: 'internet', allow: [] } as const
      const attaching = floor.networks.attach(scope, { vmId: floor.id(30), uid: 1, gid: 1, spec, signal: abort.signal })
      abort.abort(new Error('enough'))
      await expect(attaching).rejects.toThrow('enough')
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('close leaves the bridge and the rules while a guest lives, and nothing after', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 31)
      await floor.networks.close()
      expect(await attempt(floor.id(31), [`tcp_${internet.first}_80`])).toEqual({
        [`tcp_${internet.first}_80`]: `from ${uplink}`,
      })
      await scope.close()
      await floor.networks.close()
      await floor.networks.close()
      expect(await floor.onHost('nft', 'list', 'ruleset')).toBe('')
      expect(await floor.onHost('ip', '-brief', 'link')).not.toContain(floor.lab.instance)
      await floor.networks.prepare()
    })

    test('tables that somebody takes away are built anew by whatever needs them first, and guests are held to them', async () => {
      const { networks } = floor
      await using scope = new Scope('vm')
      await using other = new Scope('another vm')
      const told: number[] = []
      networks.facts.on('firewall.mended', ({ guests }) => told.push(guests))
      await floor.guest(scope, 32, { allow: [internet.first] })
      const reach = () => attempt(floor.id(32), [`tcp_${internet.first}_80`, `tcp_${internet.second}_80`])
      const held = await reach()
      for (const need of [
        () => networks.refused(),
        () => floor.guest(other, 33),
        () => other.close(),
        () => networks.things(),
        // Nobody but who looks for its refusals from time to time.
        async () => {
          await networks.watch(scope, floor.id(32))
          await expect.poll(() => told.length, { timeout: 20_000 }).toBe(5)
        },
      ]) {
        await floor.onHost('nft', 'flush', 'ruleset')
        await need()
        expect(await reach()).toEqual(held)
      }
      expect(told).toEqual([1, 2, 2, 1, 1])
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('a subnet is chosen that nothing else has, and kept', async () => {
      const { instance, host } = floor.lab
      expect(await chooseSubnet({ instance, host })).toBe('10.88.0.0/16')
      expect(await chooseSubnet({ instance: 'other', host })).toBe('10.89.0.0/16')
    })

    test('a subnet that the host uses is refused by name; chains that drop forwarded packets are found', async () => {
      await expect(floor.open({ subnet: '198.51.100.0/25' }).prepare()).rejects.toMatchObject({
        code: 'host_unfit',
        message: expect.stringContaining('198.51.100.0/24 at up0') as string,
      })
      const { instance, host } = floor.lab
      expect(await foreignDrops({ instance, host })).toEqual([])
      await run(['ip', 'netns', 'exec', floor.lab.hostName, 'nft', '-f', '-'], {
        input: 'table ip docker { chain FORWARD { type filter hook forward priority 0; policy drop;\n}\n}\n',
      })
      expect(await foreignDrops({ instance, host })).toEqual(['ip docker FORWARD'])
      await run(['ip', 'netns', 'exec', floor.lab.hostName, 'nft', 'delete', 'table', 'ip', 'docker'])
    })
  },
)

/** The network on a real kernel: real plugins, real firewall, in a host made of namespaces. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NetworkSpec } from '../../backend/backend.ts'
import { run } from '../../base/process.ts'
import { Scope } from '../../base/scope.ts'
import { attempt, batch, becomeGuest, buildLab, internet, ip, type Lab, lacking, uplink } from './lab.ts'
import { type GuestNetwork, Networks, type NetworksOptions } from './network.ts'

const missing = await lacking()
const required = process.env['VULCAN_REQUIRE_VM'] === '1'
const gateway = '10.88.0.1'
const signal = AbortSignal.timeout(240_000)

describe.skipIf(missing !== undefined && !required)(
  `network${missing ? ` (this host lacks ${missing})` : ''}`,
  () => {
    const labScope = new Scope('lab')
    let lab: Lab
    let stateDir: string
    let networks: Networks

    const open = (options: Partial<NetworksOptions> = {}) =>
      new Networks({
        instance: lab.instance,
        cniPlugins: lab.cniPlugins,
        tapPlugin: 'vulcan-tap',
        stateDir,
        nameservers: [internet.resolver],
        host: lab.host,
        ...options,
      })

    beforeAll(async () => {
      expect(missing, 'what this host lacks').toBeUndefined()
      lab = await buildLab(labScope)
      stateDir = await mkdtemp(join(tmpdir(), 'vulcan-network-'))
      labScope.defer('state', () => rm(stateDir, { recursive: true }))
      networks = open()
      await networks.prepare()
    }, 240_000)
    afterAll(() => labScope.close(), 60_000)

    const vmIdOf = (n: number) => `${lab.instance}-${n.toString(16).padStart(12, '0')}`
    const attach = (scope: Scope, n: number, spec: Partial<NetworkSpec> = {}, from = networks): Promise<GuestNetwork> =>
      from.attach(scope, {
        vmId: vmIdOf(n),
        uid: 1234,
        gid: 5678,
        spec: { mode: 'internet', allow: [], ...spec },
        signal,
      })
    const asGuest = async (scope: Scope, n: number, spec: Partial<NetworkSpec> = {}) => {
      const network = await attach(scope, n, spec)
      await becomeGuest(vmIdOf(n), gateway)
      return network
    }
    const onHost = async (...argv: [string, ...string[]]) => (await lab.host.run(argv, {})).stdout
    const residue = async () => {
      const ports = JSON.parse(await onHost('ip', '-j', 'link', 'show', 'master', `vul${lab.instance}`)) as unknown[]
      const files = await Promise.all(
        ['cni/results', 'guests', `leases/vulcan-${lab.instance}`].map((folder) => readdir(join(stateDir, folder))),
      )
      return {
        ports: ports.length,
        files: files.flat().filter((file) => !['lock', 'last_reserved_ip.0'].includes(file)),
        netns: (await readdir('/var/run/netns')).filter((name) => name.startsWith(`${lab.instance}-`)),
        elements: (await onHost('nft', 'list', 'ruleset')).match(/goto (host|internet|listed)|"veth/g) ?? [],
      }
    }
    const nothing = { ports: 0, files: [], netns: [], elements: [] }
    const atOnce = (outcome: unknown) => ({ outcome, ms: expect.toSatisfy((ms: number) => ms < 1500) as number })
    const refused = atOnce(expect.stringMatching(/^(ECONNREFUSED|EHOSTUNREACH)$/))

    test('gives a vm a tap of its own user, an address and a gateway, in four commands, and takes all back', async () => {
      await using scope = new Scope('vm')
      lab.commands.length = 0
      const network = await attach(scope, 1)
      expect(lab.commands).toEqual(['ip netns', 'bridge', 'vulcan-tap', 'nft -f'])
      expect(network).toEqual({
        netns: `/var/run/netns/${vmIdOf(1)}`,
        nic: {
          tap: 'tap0',
          mac: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/) as string,
          address: expect.stringMatching(/^10\.88\.\d+\.\d+\/16$/) as string,
          gateway,
          mtu: 1500,
          nameservers: [internet.resolver],
        },
        hosts: {},
      })
      const taps = (await ip(['-n', vmIdOf(1), 'tuntap', 'show'])).stdout
      expect(taps).toMatch(/tap0: tap.*vnet_hdr.*persist.*user 1234 group 5678/)
      await networks.check(vmIdOf(1), signal)
      await ip(['-n', vmIdOf(1), 'link', 'set', 'tap0', 'down'])
      await expect(networks.check(vmIdOf(1), signal)).rejects.toMatchObject({
        code: 'network_failed',
        step: 'CNI CHECK',
        message: expect.stringContaining('tap0 is down') as string,
      })
      await scope.close()
      expect(await residue()).toEqual(nothing)
    })

    test('internet: reaches public addresses through the host; private ones and the host are refused at once', async () => {
      await using scope = new Scope('vm')
      await asGuest(scope, 2)
      const denied = await networks.denied()
      const seen = await attempt(vmIdOf(2), [
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
        [`tcp_${internet.first}_80`]: atOnce(uplink),
        [`tcp_${internet.second}_80`]: atOnce(uplink),
        [`tcp_${internet.private}_80`]: refused,
        [`tcp_${internet.home}_80`]: refused,
        [`tcp_${internet.shared}_80`]: refused,
        [`tcp_${internet.metadata}_80`]: refused,
        [`tcp_${uplink}_80`]: refused,
        [`tcp_${gateway}_80`]: refused,
        [`tcp_${internet.resolver}_80`]: refused,
        [`tcp_${internet.resolver}_53`]: atOnce(uplink),
        [`udp_${internet.resolver}_53`]: atOnce(uplink),
        [`udp_${internet.private}_53`]: refused,
      })
      expect((await networks.denied()) - denied).toBeGreaterThanOrEqual(8)
    })

    test('host: reaches the gateway address and nothing else', async () => {
      await using scope = new Scope('vm')
      const { nic } = await asGuest(scope, 3, { mode: 'host' })
      expect(nic?.nameservers).toEqual([])
      expect(
        await attempt(vmIdOf(3), [
          `tcp_${gateway}_80`,
          `tcp_${uplink}_80`,
          `tcp_${internet.first}_80`,
          `udp_${internet.resolver}_53`,
        ]),
      ).toEqual({
        [`tcp_${gateway}_80`]: atOnce(nic?.address.replace('/16', '')),
        [`tcp_${uplink}_80`]: refused,
        [`tcp_${internet.first}_80`]: refused,
        [`udp_${internet.resolver}_53`]: refused,
      })
    })

    test('none: a namespace with loopback down and nothing else', async () => {
      await using scope = new Scope('vm')
      lab.commands.length = 0
      expect(await attach(scope, 4, { mode: 'none' })).toEqual({ netns: `/var/run/netns/${vmIdOf(4)}`, hosts: {} })
      expect(lab.commands).toEqual(['ip netns'])
      const links = JSON.parse((await ip(['-n', vmIdOf(4), '-j', 'link'])).stdout) as {
        ifname: string
        flags: string[]
      }[]
      expect(links.map(({ ifname, flags }) => [ifname, flags.includes('UP')])).toEqual([['lo', false]])
      await scope.close()
      expect(await residue()).toEqual(nothing)
    })

    test('allow: opens names and blocks, closes the rest, and tells the guest the addresses', async () => {
      await using scope = new Scope('vm')
      const allow = ['second.example', '192.0.2.0/24', '192.0.2.7', '0.0.0.0/1']
      const { hosts, nic } = await asGuest(scope, 5, { allow })
      expect(hosts).toEqual({ 'second.example': [internet.second] })
      // 0.0.0.0/1 covers the private resolver, but private ranges stay closed.
      expect(nic?.nameservers).toEqual([])
      expect(
        await attempt(vmIdOf(5), [
          `tcp_${internet.second}_80`,
          `tcp_${internet.first}_80`,
          `tcp_${internet.private}_80`,
          `udp_${internet.resolver}_53`,
        ]),
      ).toEqual({
        [`tcp_${internet.second}_80`]: atOnce(uplink),
        [`tcp_${internet.first}_80`]: refused,
        [`tcp_${internet.private}_80`]: refused,
        [`udp_${internet.resolver}_53`]: refused,
      })
      await scope.close()
      expect(await residue()).toEqual(nothing)
    })

    test.each([
      ['nowhere.example', 'no IPv4 address'],
      ['inside.example', 'no guest reaches'],
      ['10.0.0.0/8', 'no guest reaches'],
    ])('allow: %s is refused before anything is made', async (entry, words) => {
      await using scope = new Scope('vm')
      lab.commands.length = 0
      await expect(attach(scope, 6, { allow: ['192.0.2.1', entry] })).rejects.toMatchObject({
        code: 'invalid_field',
        field: '/network/allow/1',
        message: expect.stringContaining(words) as string,
      })
      expect(lab.commands).toEqual([])
    })

    test('guests cannot reach each other, and hear so at once; nor can the internet reach a guest', async () => {
      await using scope = new Scope('vms')
      const [a, b] = [await asGuest(scope, 7, { mode: 'host' }), await asGuest(scope, 8)]
      const of = (network: GuestNetwork) => network.nic?.address.replace('/16', '') ?? ''
      for (const [from, to] of [
        [7, of(b)],
        [8, of(a)],
      ] as const) {
        expect(await attempt(vmIdOf(from), [`tcp_${to}_80`, `udp_${to}_53`])).toEqual({
          [`tcp_${to}_80`]: refused,
          [`udp_${to}_53`]: refused,
        })
      }
      const inet = lab.hostName.replace('-host', '-inet')
      await batch(inet, [`route add 10.88.0.0/16 via ${uplink}`])
      expect(await attempt(inet, [`tcp_${of(b)}_80`])).toEqual({ [`tcp_${of(b)}_80`]: refused })
    })

    test.each([
      ['an address', ['addr flush dev eth0', 'addr add 10.88.77.77/16 dev eth0', `route add default via ${gateway}`]],
      ['a MAC', ['link set dev eth0 address 02:00:00:00:77:77']],
    ])('a guest that takes %s of its own is not heard', async (_, lines) => {
      await using scope = new Scope('vm')
      await asGuest(scope, 9)
      const targets = [`tcp_${internet.first}_80`] as const
      expect(await attempt(vmIdOf(9), targets)).toEqual({ [targets[0]]: atOnce(uplink) })
      await batch(vmIdOf(9), lines)
      const [seen] = Object.values(await attempt(vmIdOf(9), targets))
      expect(seen?.outcome).toMatch(/^(silent|EHOSTUNREACH)$/)
    })

    test('IPv6 of a guest goes nowhere', async () => {
      await using scope = new Scope('vm')
      await asGuest(scope, 10)
      const bridge = `vul${lab.instance}`
      await lab.host.sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, '0')
      await batch(lab.hostName, [`addr add fd00::1/64 dev ${bridge} nodad`])
      await batch(vmIdOf(10), ['addr add fd00::2/64 dev eth0 nodad'])
      const [seen] = Object.values(await attempt(vmIdOf(10), ['tcp_fd00::1_80']))
      expect(seen?.outcome).toMatch(/^(silent|EHOSTUNREACH)$/)
      await lab.host.sysctl(`net/ipv6/conf/${bridge}/disable_ipv6`, '1')
    })

    test('a plugin that fails is undone by DEL, and its words are in the error', async () => {
      const scope = new Scope('vm')
      await expect(attach(scope, 11, {}, open({ tapPlugin: 'no-such-plugin' }))).rejects.toMatchObject({
        code: 'network_failed',
        step: 'CNI ADD',
        message: expect.stringContaining('no-such-plugin') as string,
      })
      // DEL fails on the plugin that is not there, as it must; the namespace goes all the same.
      await expect(scope.close()).rejects.toThrow('no-such-plugin')
      expect(await networks.cleanup(new Set())).toEqual({ guest_rules: 0, cni_attachments: 1, netns: 0 })
      expect(await residue()).toEqual(nothing)
    })

    test('after a crash: cleanup removes what is not kept, and prepare keeps the guests that live', async () => {
      await using scope = new Scope('vms')
      await using crashed = new Scope('crashed')
      await asGuest(scope, 12, { allow: [internet.first] })
      await attach(crashed, 13)
      await attach(crashed, 14, { mode: 'none' })
      const next = open()
      await next.prepare()
      expect(await next.cleanup(new Set([vmIdOf(12)]))).toEqual({ guest_rules: 1, cni_attachments: 1, netns: 2 })
      expect(await next.cleanup(new Set([vmIdOf(12)]))).toEqual({ guest_rules: 0, cni_attachments: 0, netns: 0 })
      expect(await attempt(vmIdOf(12), [`tcp_${internet.first}_80`, `tcp_${internet.second}_80`])).toEqual({
        [`tcp_${internet.first}_80`]: atOnce(uplink),
        [`tcp_${internet.second}_80`]: refused,
      })
      await Promise.all([scope.close(), crashed.close()])
      expect(await residue()).toEqual(nothing)
    })

    test('many at once get addresses of their own', async () => {
      await using scope = new Scope('vms')
      const all = await Promise.all(Array.from({ length: 8 }, (_, n) => attach(scope, 20 + n)))
      expect(new Set(all.map((network) => network.nic?.address)).size).toBe(8)
      await scope.close()
      expect(await residue()).toEqual(nothing)
    })

    test('an aborted attach leaves nothing and keeps the reason', async () => {
      await using scope = new Scope('vm')
      const abort = new AbortController()
      const spec = { mode: 'internet', allow: [] } as const
      const attaching = networks.attach(scope, { vmId: vmIdOf(30), uid: 1, gid: 1, spec, signal: abort.signal })
      abort.abort(new Error('enough'))
      await expect(attaching).rejects.toThrow('enough')
      await scope.close()
      expect(await residue()).toEqual(nothing)
    })

    test('a subnet that the host uses is refused by name; chains that drop forwarded packets are found', async () => {
      await expect(open({ subnet: '198.51.100.0/25' }).prepare()).rejects.toMatchObject({
        code: 'host_unfit',
        message: expect.stringContaining('198.51.100.0/24 at up0') as string,
      })
      expect(await networks.foreignDrops()).toEqual([])
      await run(['ip', 'netns', 'exec', lab.hostName, 'nft', '-f', '-'], {
        input: 'table ip docker { chain FORWARD { type filter hook forward priority 0; policy drop;\n}\n}\n',
      })
      expect(await networks.foreignDrops()).toEqual(['ip docker FORWARD'])
      await run(['ip', 'netns', 'exec', lab.hostName, 'nft', 'delete', 'table', 'ip', 'docker'])
    })
  },
  120_000,
)

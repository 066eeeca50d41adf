/** What is found of networks that are nobody's, on a real kernel: real plugins and firewall, in a host made of namespaces. */
import { readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../../base/process.ts'
import { Scope } from '../../base/scope.ts'
import { type Floor, nothing, onFloor } from './floor.ts'
import { attempt, batch, internet, uplink } from './lab.ts'
import { netnsPath } from './netns.ts'

let floor: Floor
onFloor(
  'what is nobody’s',
  (built) => (floor = built),
  () => {
    test('after a crash: cleanup removes what is not kept, and prepare keeps the guests that live', async () => {
      await using scope = new Scope('vms')
      await using crashed = new Scope('crashed')
      await floor.guest(scope, 12, { allow: [internet.first] })
      await floor.attach(crashed, 13)
      await floor.attach(crashed, 14, { mode: 'none' })
      const next = floor.open()
      await next.prepare()
      const whole = { guest_rule: 1, cni_attachment: 1, lease: 1, veth: 1 }
      expect(await floor.sweep(next, new Set([floor.id(12)]))).toEqual({ ...whole, netns: 2 })
      expect(await floor.sweep(next, new Set([floor.id(12)]))).toEqual({})
      expect(await attempt(floor.id(12), [`tcp_${internet.first}_80`, `tcp_${internet.second}_80`])).toEqual({
        [`tcp_${internet.first}_80`]: `from ${uplink}`,
        [`tcp_${internet.second}_80`]: 'refused',
      })
      await Promise.all([scope.close(), crashed.close()])
      expect(await floor.residue()).toEqual(nothing)
    })

    test('after the crash of a service with mounts of its own, which took its namespaces with it: names are left', async () => {
      await using crashed = new Scope('crashed')
      await floor.attach(crashed, 15)
      await floor.attach(crashed, 16, { mode: 'none' })
      for (const n of [15, 16]) await run(['umount', netnsPath(floor.id(n))])
      const next = floor.open()
      await next.prepare()
      expect(await floor.sweep(next)).toMatchObject({ guest_rule: 1, cni_attachment: 1, lease: 1, netns: 2 })
      await crashed.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('what is no vm’s goes: ports with nobody behind them, elements without a record, leases for nobody', async () => {
      await using scope = new Scope('vm')
      const { instance, hostName } = floor.lab
      const { own } = await floor.guest(scope, 18, { allow: [internet.first] })
      const leases = join(floor.stateDir, `leases/vulcan-${instance}`)
      await writeFile(join(leases, '10.88.9.1'), '')
      await writeFile(join(leases, '10.88.9.2'), '')
      await writeFile(join(leases, '10.88.9.3'), floor.id(77))
      await utimes(join(leases, '10.88.9.2'), new Date(0), new Date(0))
      await batch(hostName, [
        'link add vethdead0001 type veth peer name peer1',
        `link set vethdead0001 master vul${instance}`,
        'link add not-a-port type veth peer name peer2',
        `link set not-a-port master vul${instance}`,
      ])
      const input = `
        add element bridge vulcan_${instance} ports { "vethdead0001" }
        add element bridge vulcan_${instance} guests { "vethdead0001" . 02:00:00:00:de:ad . 10.88.9.2 }
        add element inet vulcan_${instance} guests { 02:00:00:00:de:ad . 10.88.9.2 : goto internet }
        add element inet vulcan_${instance} allowed { 10.88.9.2 . 192.0.2.0/24 }
        add table inet vulcan_other
        add set inet vulcan_other guests { type ipv4_addr; }
        add element inet vulcan_other guests { 10.88.9.2 }
      `
      await floor.lab.host.run(['nft', '-f', '-'], { input })
      const keep = new Set([floor.id(18)])
      expect(await floor.sweep(floor.networks, keep)).toEqual({ guest_rule: 4, lease: 2, veth: 1 })
      expect(await floor.sweep(floor.networks, keep)).toEqual({})
      expect(await readdir(leases)).toEqual(expect.arrayContaining(['10.88.9.1', own]))
      expect(await floor.onHost('nft', 'list', 'table', 'inet', 'vulcan_other')).toContain('10.88.9.2')
      expect(await floor.onHost('ip', '-brief', 'link')).toContain('not-a-port')
      expect(await attempt(floor.id(18), [`tcp_${internet.first}_80`])).toEqual({
        [`tcp_${internet.first}_80`]: `from ${uplink}`,
      })
      await floor.onHost('nft', 'delete', 'table', 'inet', 'vulcan_other')
      await floor.onHost('ip', 'link', 'delete', 'not-a-port')
      await rm(join(leases, '10.88.9.1'))
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })

    test('a port is its vm’s also while its network is being made, before anything is recorded of it', async () => {
      await using scope = new Scope('vm')
      await floor.attach(scope, 19)
      const record = join(floor.stateDir, `guests/${floor.id(19)}.json`)
      await rename(record, `${record}.away`)
      const ports = (await floor.networks.things()).filter(({ kind }) => kind === 'veth')
      expect(ports.map(({ vmId }) => vmId)).toEqual([floor.id(19)])
      await rename(`${record}.away`, record)
      await scope.close()
      expect(await floor.residue()).toEqual(nothing)
    })
  },
)

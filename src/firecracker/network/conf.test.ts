import { expect, test } from 'vitest'
import { argsText, attachedOf, type CniResult, conflistOf, pluginStdin } from './conf.ts'

const list = conflistOf({
  name: 'vulcan-v1',
  bridge: 'vulv1',
  subnet: '10.88.0.0/16',
  gateway: '10.88.0.1',
  mtu: 1500,
  leases: '/run/leases',
  tapPlugin: 'tc-redirect-tap',
})
const netns = '/var/run/netns/v1-0'
const result: CniResult = {
  cniVersion: '1.0.0',
  interfaces: [
    { name: 'vulv1', mac: '02:00:00:00:00:01' },
    { name: 'veth1', mac: '02:00:00:00:00:02' },
    { name: 'eth0', mac: '02:00:00:00:00:03', sandbox: netns },
    { name: 'tap0', mac: '02:00:00:00:00:04', sandbox: netns },
    { name: 'tap0', mac: '02:00:00:00:00:03', sandbox: 'v1-0' },
  ],
  ips: [
    { interface: 2, address: '10.88.0.5/16', gateway: '10.88.0.1' },
    { interface: 4, address: '10.88.0.5/16', gateway: '10.88.0.1' },
  ],
}
const of = { containerId: 'v1-0', netns, bridge: 'vulv1' }

test('ports are isolated and the tap plugin comes last, under the name of the settings', () => {
  expect(list.plugins.map((plugin) => plugin.type)).toEqual(['bridge', 'tc-redirect-tap'])
  expect(list.plugins[0]).toMatchObject({ portIsolation: true, hairpinMode: false, isGateway: true, bridge: 'vulv1' })
})

test('a plugin reads its own part, the name, the version and the result before it', () => {
  expect(JSON.parse(pluginStdin(list, { type: 'x', a: 1 }))).toEqual({
    type: 'x',
    a: 1,
    name: 'vulcan-v1',
    cniVersion: '1.0.0',
  })
  expect(JSON.parse(pluginStdin(list, { type: 'x' }, result))).toHaveProperty('prevResult', result)
})

test('arguments are K=V;K=V', () => expect(argsText({ A: '1', B: 'x' })).toBe('A=1;B=x'))

test('the guest gets the tap, the MAC of the veth and its address', () => {
  expect(attachedOf(result, of)).toEqual({
    tap: 'tap0',
    mac: '02:00:00:00:00:03',
    address: '10.88.0.5/16',
    gateway: '10.88.0.1',
    port: 'veth1',
  })
})

test.each([
  ['no guest interface', { ...result, interfaces: result.interfaces?.slice(0, 4) ?? [] }],
  ['no tap', { ...result, interfaces: (result.interfaces ?? []).with(3, { name: 'tap1', sandbox: netns }) }],
  ['no port', { ...result, interfaces: (result.interfaces ?? []).with(1, { name: 'vulv1' }) }],
  ['0 IPv4 addresses', { ...result, ips: [] }],
  ['0 IPv4 addresses', { ...result, ips: [{ interface: 4, address: 'fd00::5/64', gateway: 'fd00::1' }] }],
  ['no gateway', { ...result, ips: [{ interface: 4, address: '10.88.0.5/16' }] }],
  ['no guest interface', { cniVersion: '1.0.0' }],
])('a result with %s is an error that says so', (words, bad) => {
  expect(() => attachedOf(bad, of)).toThrow(words)
})

import { expect, test } from 'vitest'
import { bridgeOf, clashingRoute, freeSubnet } from './bridge.ts'

const routes = (...list: { dst: string; dev?: string }[]) => JSON.stringify(list)
const lan = { dst: '192.168.1.0/24', dev: 'eth0' }
const everything = { dst: 'default', dev: 'eth0' }

test('the longest instance name still makes the name of an interface', () => {
  expect(bridgeOf('abcdefghijkl')).toHaveLength(15)
})

test('a route of another interface into the subnet is a clash; the default route and our own are none', () => {
  const o = { bridge: 'vulv1', subnet: '10.88.0.0/16' }
  expect(clashingRoute(routes(everything, lan, { dst: '10.88.0.0/16', dev: 'vulv1' }), o)).toBeUndefined()
  expect(clashingRoute(routes(everything, { dst: '10.88.7.7', dev: 'wg0' }), o)).toBe('10.88.7.7 at wg0')
  expect(clashingRoute(routes({ dst: '10.0.0.0/8', dev: 'eth0' }), o)).toBe('10.0.0.0/8 at eth0')
})

test('the first free subnet is taken, the own one is kept, and none is an error that names the setting', () => {
  const podman = { dst: '10.88.0.0/16', dev: 'podman0' }
  expect(freeSubnet(routes(everything, lan), 'vulv1')).toBe('10.88.0.0/16')
  expect(freeSubnet(routes(podman), 'vulv1')).toBe('10.89.0.0/16')
  expect(freeSubnet(routes({ dst: '10.95.0.0/16', dev: 'vulv1' }), 'vulv1')).toBe('10.95.0.0/16')
  expect(() => freeSubnet(routes({ dst: '10.0.0.0/8', dev: 'eth0' }), 'vulv1')).toThrow(
    expect.objectContaining({ code: 'host_unfit', hint: expect.stringContaining('network.subnet') as string }) as Error,
  )
})

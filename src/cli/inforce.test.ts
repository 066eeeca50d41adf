import { expect, test } from 'vitest'
import { asVariables, joinSettings } from '../config.ts'
import { findsNoRun, inWords, notInForce } from './inforce.ts'
import type { ServerFile } from './serverfile.ts'

const given = (flags: Record<string, unknown>, file = '') =>
  joinSettings({ env: { VULCAN_HOME: '/h' }, flags, readFile: () => file })
const startedWith = (flags: Record<string, unknown>, place: ServerFile['place'] = 'host'): ServerFile => ({
  ...{ url: 'http://127.0.0.1:1', backend: 'fake', place },
  settings: asVariables(given(flags)),
})
const names = (file: ServerFile, flags: Record<string, unknown>) =>
  notInForce(file, given(flags)).map(({ name }) => name)

test('a server has what it was started with, wherever that was written; what is standard need not be said', () => {
  const file = startedWith({ 'limits.timeout_s': '60', 'network.nameservers': '9.9.9.9,1.1.1.1' })
  expect(names(file, { 'limits.timeout_s': '60', 'network.nameservers': '9.9.9.9,1.1.1.1' })).toEqual([])
  const same = '[limits]\ntimeout_s = 60\n[network]\nnameservers = ["9.9.9.9", "1.1.1.1"]'
  expect(notInForce(file, given({}, same))).toEqual([])
  expect(names(startedWith({}), { 'limits.timeout_s': '3600' })).toEqual([])
})

test('one that was changed, and one that is no longer given', () => {
  const [changed] = notInForce(startedWith({ 'limits.timeout_s': '60' }), given({ 'limits.timeout_s': '7200' }))
  expect(inWords(changed!)).toBe('limits.timeout_s = 7200 is not what the server has, which was started with 60')
  const [back] = notInForce(startedWith({ 'limits.timeout_s': '60' }), given({}))
  expect(back).toEqual({ name: 'limits.timeout_s', here: '3600', there: '60' })
})

test('what finds the server, and what is of the machine and not of its server, is not compared', () => {
  expect(names(startedWith({ place: 'host', ready_fd: '3' }), {})).toEqual([])
  expect(names(startedWith({}), { 'machine.mem_mb': '2048' })).toEqual([])
  expect(names(startedWith({}), { 'server.port': '8080' })).toEqual(['server.port'])
  expect(names(startedWith({}, 'machine'), { 'server.port': '8080', 'machine.mem_mb': '2048' })).toEqual([])
})

test('a service has settings of its own', () => {
  expect(names({ ...startedWith({}), service: true }, { 'limits.timeout_s': '60' })).toEqual([])
})

test('a server of another node, instance, cgroup or subnet would not find what runs', () => {
  const finds = (flags: Record<string, unknown>) => !findsNoRun(startedWith({}), given(flags))
  expect(finds({ 'limits.timeout_s': '60' })).toBe(true)
  for (const [name, value] of [
    ['node', 'other'],
    ['instance', 'other'],
    ['cgroup', '/other.slice'],
    ['network.subnet', '10.99.0.0/16'],
  ] as const) {
    expect(finds({ [name]: value }), name).toBe(false)
  }
})

test('of a server that did not say, nothing is known', () => {
  const { settings: _settings, ...file } = startedWith({})
  expect(names(file, { 'limits.timeout_s': '60' })).toEqual([])
})

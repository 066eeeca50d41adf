import { expect, test } from 'vitest'
import { asVariables, joinSettings } from '../config.ts'
import { findsNoRun, givenInVain, inWords, notInForce } from './inforce.ts'
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

test('what is given behind --set and not in force is told in one line; what a file or a variable says is not', () => {
  const server = startedWith({ 'limits.timeout_s': '60' })
  const flags = { 'limits.timeout_s': '90', 'limits.pids': '64', 'server.port': '7777' }
  expect(givenInVain(server, given(flags))).toBe(
    'limits.timeout_s = 90 is not what the server has, which was started with 60; ' +
      'limits.pids = 64 is not what the server has, which was started with 4096; vulcan up gives it these',
  )
  expect(givenInVain(server, given({ 'limits.timeout_s': '60' }, '[limits]\npids = 64'))).toBeUndefined()
  const env = { VULCAN_HOME: '/h', VULCAN_LIMITS_PIDS: '64' }
  expect(givenInVain(server, joinSettings({ env, flags: {}, readFile: () => '' }))).toBeUndefined()
})

test('a service does not get what is given behind --set, and that is told too', () => {
  const said = givenInVain({ ...startedWith({}), service: true }, given({ 'limits.timeout_s': '60' }))
  expect(said).toMatch(/^limits\.timeout_s = 60 .* 3600; a service takes them from \/h\/vulcan\.toml$/)
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

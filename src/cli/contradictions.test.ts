import { expect, test } from 'vitest'
import { joinSettings } from '../config.ts'
import { contradictionsIn } from './contradictions.ts'

const said = (flags: Record<string, unknown>) =>
  contradictionsIn(joinSettings({ env: { VULCAN_HOME: '/h' }, flags, readFile: () => undefined }))

test.each<[Record<string, unknown>, string[]]>([
  [
    { 'concurrency.starting': 9, 'concurrency.vms': 4 },
    ['concurrency.starting = 9 is above concurrency.vms (4): so many never start at once'],
  ],
  [
    { 'limits.cpus': 8, 'concurrency.cpus': 4 },
    ['limits.cpus = 8 is above concurrency.cpus (4): a workload that asks for more than that runs alone'],
  ],
  [
    { 'limits.mem_mb': 4096, 'concurrency.mem_mb': 2048 },
    ['limits.mem_mb = 4096 is above concurrency.mem_mb (2048): that is the limit'],
  ],
  [{ 'limits.cpus': 0.5 }, ['limits.cpus = 0.5 is below the 1 that a workload has when its request names none']],
  [
    { 'limits.timeout_s': 10 },
    ['limits.timeout_s = 10 is below the 30 that a workload has when its request names none'],
  ],
  [
    { 'limits.disk_mb': 511, 'limits.pids': 255 },
    [
      'limits.disk_mb = 511 is below the 512 that a workload has when its request names none',
      'limits.pids = 255 is below the 256 that a workload has when its request names none',
    ],
  ],
  [
    { 'limits.mem_mb': 512, 'concurrency.mem_mb': 2048 },
    ['limits.mem_mb = 512 is below the 1024 that a workload of go has when its request names none'],
  ],
  [
    { 'network.subnet': '10.0.0.0/29', 'concurrency.vms': 6 },
    ['network.subnet = 10.0.0.0/29 has addresses for 5 vms of concurrency.vms (6)'],
  ],
])('%j', (flags, words) => {
  expect(said(flags)).toEqual(words)
})

test('what fits is not told of, nor are defaults that another setting makes too large', () => {
  expect(said({})).toEqual([])
  expect(said({ 'concurrency.vms': 1, 'concurrency.cpus': 0.5, 'concurrency.mem_mb': 128 })).toEqual([])
  expect(said({ 'concurrency.starting': 4, 'concurrency.vms': 4 })).toEqual([])
  expect(said({ 'limits.cpus': 1, 'limits.timeout_s': 30, 'limits.disk_mb': 512, 'limits.pids': 256 })).toEqual([])
  expect(said({ 'network.subnet': '10.0.0.0/29', 'concurrency.vms': 5 })).toEqual([])
  expect(said({ 'network.subnet': 'auto', 'concurrency.vms': 4096 })).toEqual([])
})

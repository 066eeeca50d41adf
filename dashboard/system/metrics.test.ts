import { expect, test } from 'vitest'
import { bucketsOf, quantile, samplesIn, sumOf } from './metrics.ts'

const text = `# HELP vulcan_vms_active Vms.
# TYPE vulcan_vms_active gauge
vulcan_vms_active{state="starting"} 1
vulcan_vms_active{state="running"} 2
odd{name="a \\"b\\"\\nc,d=\\\\"} 1e-3 1700000000
vulcan_vm_boot_seconds_bucket{le="0.1",runtime="python"} 0
vulcan_vm_boot_seconds_bucket{le="0.2",runtime="python"} 3
vulcan_vm_boot_seconds_bucket{le="0.5",runtime="python"} 4
vulcan_vm_boot_seconds_bucket{le="+Inf",runtime="python"} 4
vulcan_vm_boot_seconds_bucket{le="0.2",runtime="go"} 1
vulcan_vm_boot_seconds_bucket{le="0.5",runtime="go"} 1
vulcan_vm_boot_seconds_bucket{le="+Inf",runtime="go"} 1
nonsense
`

test('samples with their labels, escapes undone', () => {
  const samples = samplesIn(text)
  expect(sumOf(samples, 'vulcan_vms_active')).toBe(3)
  expect(sumOf(samples, 'vulcan_vms_active', { state: 'running' })).toBe(2)
  expect(sumOf(samples, 'absent')).toBeUndefined()
  expect(samples.find(({ name }) => name === 'odd')).toEqual({
    name: 'odd',
    labels: { name: 'a "b"\nc,d=\\' },
    value: 0.001,
  })
})

test('a histogram over all its labels, each bucket for itself', () => {
  const buckets = bucketsOf(samplesIn(text), 'vulcan_vm_boot_seconds')
  expect(buckets).toEqual([
    { to: 0.2, count: 4 },
    { to: 0.5, count: 1 },
  ])
  expect(quantile(buckets, 0.5)).toBe(0.2)
  expect(quantile(buckets, 0.99)).toBe(0.5)
  expect(quantile([], 0.5)).toBeUndefined()
})

import { expect, test } from 'vitest'
import type { RunRecord } from '../../src/api/workload.ts'
import { processorShare } from './usage.ts'

const share = (phases: Readonly<Record<string, number>>, cpuMs: number, cpus = 1): number =>
  processorShare({
    resources: { cpus, mem_mb: 256 },
    run: {
      ...{ backend: 'fake', node: 'here', vm_id: 'a', start: 'boot', boot_ms: 1, phases_ms: phases },
      vsock: { status: 'closed', rtt_us: 1 },
      usage: {
        ...{ cpu_ms: cpuMs, peak_mem_mb: 1, throttled_ms: 0, disk_written_bytes: 0 },
        ...{ net_rx_bytes: 0, net_tx_bytes: 0 },
      },
    } satisfies RunRecord,
  })

test('a build took its share of the processor in its own time, not in that of the program', () => {
  expect(share({ vm: 500, program: 1000 }, 500)).toBe(0.5)
  expect(share({ build: 9000, program: 1000 }, 8000)).toBe(0.8)
  expect(share({ build: 9000, program: 1000 }, 8000, 2)).toBe(0.4)
  expect(share({ build: 4000 }, 3000), 'a build that failed').toBe(0.75)
})

test('where nothing is known of the time or of the cores, there is no share', () => {
  expect(share({}, 500)).toBe(0)
  expect(processorShare({})).toBe(0)
})

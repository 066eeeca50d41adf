import { expect, test } from 'vitest'
import { nicOf } from './boot.ts'

test('what a vm sends and what it gets are both limited, in bytes and in packets', () => {
  const { rx_rate_limiter: rx, tx_rate_limiter: tx, ...rest } = nicOf({ tap: 'tap0', mac: '02:00:00:00:00:01' })
  expect(rest).toEqual({ iface_id: 'eth0', host_dev_name: 'tap0', guest_mac: '02:00:00:00:00:01' })
  for (const limiter of [rx, tx]) {
    expect(limiter?.bandwidth).toEqual({ size: 125_000_000, refill_time: 1000 })
    expect(limiter?.ops).toEqual({ size: 50_000, refill_time: 1000 })
  }
})

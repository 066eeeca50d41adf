import { test } from 'vitest'
import { ProcessBus } from '../../src/bus/process.ts'
import { busContract } from './bus.contract.ts'

const kept = 64

for (const { name, check } of busContract) {
  // The assertions are in the case itself.
  // oxlint-disable-next-line vitest/expect-expect
  test(`the contract of the bus, in one process: ${name}`, async () => {
    await using bus = new ProcessBus({ kept })
    await check(bus, kept)
  })
}

import { expect, test } from 'vitest'
import { machineProtocol } from './keeper.ts'
import { fits } from './start.ts'

test('a machine is gone on with where it has our kernel and init, understands us and sees this very checkout', () => {
  const o = { kernel: '/k', initramfs: '/i', shares: [{ tag: 'app' as const, path: '/here' }] }
  const found = { ...structuredClone(o), protocol: machineProtocol }
  expect(fits(found, o)).toBe(true)
  const others = [
    { protocol: machineProtocol - 1 },
    { kernel: '/other' },
    { initramfs: '/other' },
    { shares: [{ tag: 'app', path: '/elsewhere' }] },
  ]
  for (const other of others) expect(fits({ ...found, ...other }, o), JSON.stringify(other)).toBe(false)
})

import { expect, test } from 'vitest'
import { exitOf } from './exit.ts'
import type { Ended } from './said.ts'

const resources = { cpus: 1, memMib: 256, timeoutMs: 30_000, diskMib: 512, pids: 64 }
const usage = {
  cpu_us: 1500,
  peak_mem_bytes: 3 << 20,
  throttled_us: 0,
  disk_written_bytes: 10,
  net_rx_bytes: 20,
  net_tx_bytes: 30,
}
const ended: Ended = { code: 0, signal: null, oom: false, disk_full: false, result: 'none', wall_us: 5, usage }
const exit = (change: Partial<Ended>, more: Partial<Parameters<typeof exitOf>[0]> = {}) =>
  exitOf({ ended: { ...ended, ...change }, killed: undefined, resources, result: undefined, ...more })

test('a program that ends by itself is told by its code, with its usage in the units of the seam', () => {
  expect(exit({ code: 3 })).toEqual({
    by: 'program',
    code: 3,
    usage: { cpuMs: 1.5, peakMemMib: 3, throttledMs: 0, diskWrittenBytes: 10, netRxBytes: 20, netTxBytes: 30 },
  })
})

test('no usage is less than none: it would pay for the build', () => {
  const less = { ...usage, cpu_us: -9_000_000, net_tx_bytes: -1 }
  expect(exit({ usage: less }).usage).toMatchObject({ cpuMs: 0, netTxBytes: 0 })
})

test('a signal of its own is the program’s end, not the platform’s', () => {
  expect(exit({ code: null, signal: 'SIGSEGV' })).toMatchObject({ by: 'program', signal: 'SIGSEGV' })
})

test('out of memory says at which size and what to raise', () => {
  const told = exit({ code: null, signal: 'SIGKILL', oom: true })
  expect(told).toMatchObject({ by: 'oom', signal: 'SIGKILL', message: 'killed: out of memory at 256 MB; raise mem_mb' })
})

test('a full disk is the cause only of a program that failed', () => {
  expect(exit({ code: 1, disk_full: true }).by).toBe('disk_full')
  expect(exit({ code: 0, disk_full: true }).by).toBe('program')
})

test('what we killed it for comes before what the kill looks like in the guest', () => {
  const killed = { code: null, signal: 'SIGKILL', oom: true } as const
  expect(exit(killed, { killed: 'timeout' }).by).toBe('timeout')
  expect(exit(killed, { killed: 'killed' }).by).toBe('killed')
  expect(exit(killed, { killed: 'output_limit' }).by).toBe('output_limit')
})

test('a result is JSON or an error beside the exit, which stays what it was', () => {
  const bytes = (text: string) => ({ result: new TextEncoder().encode(text) })
  expect(exit({ result: 'sent' }, bytes('{"a":1}')).result).toBe('{"a":1}')
  const broken = exit({ result: 'sent' }, bytes('{"a":'))
  expect(broken).toMatchObject({ by: 'program', code: 0 })
  expect(broken.resultError).toMatch(/not JSON/)
  expect(exit({ result: 'sent' }, { result: Uint8Array.of(0x22, 0xff, 0x22) }).resultError).toMatch(/not JSON/)
  expect(exit({ result: 'too_large' }).resultError).toMatch(/1 MiB/)
})

/** Criterion 6: limits are enforced for each workload, and told apart. */
import { expect, test } from 'vitest'
import { python } from './harness.ts'

test('timeout: a program that goes on is killed, and says so', async () => {
  const record = await python(`print('began', flush=True)\nwhile True: pass`, { resources: { timeout_s: 20 } })
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'timeout' }, stdout: 'began\n' })
  expect(record.exit?.message).toContain('20 s')
})

test('memory: a program that takes more than its own is out of memory, not a dead vm', async () => {
  const code = `print('began', flush=True)\nheld = []\nwhile True: held.append(bytearray(1 << 20))`
  const record = await python(code, { resources: { mem_mb: 128, timeout_s: 120 } })
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'oom', signal: 'SIGKILL' }, stdout: 'began\n' })
  expect(record.exit?.message).toBe('killed: out of memory at 128 MB; raise mem_mb')
  expect(record.run?.usage?.peak_mem_mb).toBeGreaterThan(100)
  expect(record.run?.usage?.peak_mem_mb).toBeLessThanOrEqual(128)
})

test('memory: what was asked for can be used', async () => {
  const record = await python(`held = bytearray(b'x') * (190 << 20); print(len(held) >> 20)`, {
    resources: { mem_mb: 256 },
  })
  expect(record.stdout, JSON.stringify(record.exit)).toBe('190\n')
})

test('cpu: a busy loop with half a core gets half a core', async () => {
  const code = `
import time
until = time.monotonic() + 6
while time.monotonic() < until: pass`
  const record = await python(code, { resources: { cpus: 0.5 } })
  expect(record.exit).toMatchObject({ by: 'program', code: 0 })
  const share = (record.run?.usage?.cpu_ms ?? 0) / (record.run?.phases_ms['program'] ?? 1)
  expect(share).toBeGreaterThan(0.3)
  expect(share).toBeLessThan(0.6)
  expect(record.run?.usage?.throttled_ms).toBeGreaterThan(1000)
})

test('cpu: two cores are two cores', async () => {
  const record = await python(`import os; print(os.cpu_count())`, { resources: { cpus: 1.5 } })
  expect(record.stdout).toBe('2\n')
})

test('pids: a fork bomb ends as the program’s own failure and the vm stays answerable', async () => {
  const code = `
import os, sys
made = 0
try:
    while True:
        if os.fork() == 0:
            import time; time.sleep(600)
        made += 1
except OSError as e:
    print(made, e.strerror, flush=True)
    sys.exit(5)`
  const record = await python(code, { resources: { pids: 32, timeout_s: 60 } })
  expect(record.exit).toMatchObject({ by: 'program', code: 5 })
  expect(record.stdout).toMatch(/^(2\d|3[01]) Resource temporarily unavailable\n$/)
})

test('disk: a full disk is told by name', async () => {
  const code = `
with open('big', 'wb') as f:
    while True: f.write(b'x' * (1 << 20))`
  const record = await python(code, { resources: { disk_mb: 32, timeout_s: 120 } })
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'disk_full', code: 1 } })
  expect(record.exit?.message).toContain('disk_mb')
  expect(record.stderr).toContain('No space left on device')
})

test('disk: what was asked for can be written', async () => {
  const record = await python(`print(open('big', 'wb').write(b'x' * (24 << 20)))`, { resources: { disk_mb: 32 } })
  expect(record.stdout, record.stderr).toBe(`${24 << 20}\n`)
})

test('output: the record keeps the first and the last part and says how much it dropped', async () => {
  const record = await python(`print('first')\nprint('\\n'.join(map(str, range(300_000))))\nprint('last')`)
  expect(record.exit).toMatchObject({ by: 'program', code: 0 })
  expect(record.stdout.startsWith('first\n0\n1\n')).toBe(true)
  expect(record.stdout.endsWith('299999\nlast\n')).toBe(true)
  expect(record.dropped_bytes?.stdout).toBeGreaterThan(1_000_000)
})

test('output: a flood is ended by the limit, with bounded memory', async () => {
  const code = `
import os
while True: os.write(1, b'x' * 65536)`
  const record = await python(code, { resources: { timeout_s: 300 } })
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'output_limit' } })
  expect(record.stdout.length).toBeLessThan(1 << 20)
})

test('a signal of the program’s own making is its end, by name', async () => {
  const record = await python(`import os, signal; os.kill(os.getpid(), signal.SIGSEGV)`)
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'program', signal: 'SIGSEGV' } })
})

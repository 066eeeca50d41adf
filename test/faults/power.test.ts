/** The machine loses its power: what was accepted and had not begun runs, what ran is lost and said to be, nothing runs twice. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Client } from '../../src/api/client.ts'
import type { LogEvent } from '../../src/api/sse.ts'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { machineStatus } from '../../src/machine/machine.ts'
import { hasMachine, patientClient, python, settled, vulcan } from '../system/harness.ts'
import { eventually, isGone } from '../system/outside.ts'
import { home } from '../system/places.ts'
import { note, oneEnd, runs, sound, submitted } from './fault.ts'

/** For a machine and its server to be back, in milliseconds: they boot. */
const bootMs = 400_000

/** Ends QEMU, or the keeper that owns it and goes with it, as a power cut does: at once. */
async function cut(what: 'QEMU' | 'its keeper'): Promise<void> {
  const status = await machineStatus({ home })
  if (!status.running) throw new Error('the machine does not run')
  const pid = what === 'QEMU' ? status.pid : status.keeperPid
  expect(await readFile(`/proc/${pid}/cmdline`, 'utf8'), 'it is the machine’s').toContain(home)
  process.kill(pid, 'SIGKILL')
  await eventually('the end of QEMU', () => isGone(status.pid))
}

async function followed(api: Client, id: string): Promise<{ log: LogEvent[]; record: WorkloadRecord }> {
  const log: LogEvent[] = []
  for await (const event of api.logs(id)) log.push(event)
  return { log, record: await api.get(id) }
}

const cuts = ['QEMU', 'its keeper'] as const

test.each(cuts)('the machine’s power is cut: %s is killed', async (what) => {
  if (!(await hasMachine())) return
  expect(await settled()).toEqual([])
  const begun = performance.now()
  const api = await patientClient()
  const before = await submitted(api, { runtime: 'python', code: "print('long ago')", network: 'internet' })
  expect((await followed(api, before.id)).record).toMatchObject({ status: 'completed', stdout: 'long ago\n' })

  const code = "import time\nprint('up', flush=True)\ntime.sleep(900)"
  const running = await submitted(api, { runtime: 'python', code, resources: { timeout_s: 1000 } })
  await eventually('it runs', async () => ((await api.get(running.id)).stdout === 'up\n' ? true : undefined), {
    withinMs: bootMs,
  })
  // More than start at once: the last ones have not begun when the power goes.
  const waiting = await Promise.all(
    [1, 2, 3, 4].map((n) =>
      submitted(api, {
        runtime: 'python',
        code: `print('up ${n}')`,
        network: 'internet',
        resources: { timeout_s: 300 },
      }),
    ),
  )
  const states = await Promise.all(waiting.map(async ({ id }) => (await api.get(id)).status))
  expect(states).toContain('pending')
  const [lost, ...others] = [running, ...waiting].map(({ id }) => followed(api, id))

  await cut(what)
  const up = await vulcan(['up'])
  expect(up.code, up.stderr).toBe(0)

  const ended = await lost
  expect(ended?.record).toMatchObject({ status: 'failed', exit: { by: 'vm_lost' } })
  expect(ended?.log.filter(({ event }) => event === 'end')).toHaveLength(1)
  for (const [at, other] of others.entries()) {
    const { log, record } = await other
    const text = oneEnd(log, record)
    // One whose vm was being made when the power went may be lost; one that waited may not.
    if (states[at] === 'pending' && record.exit?.by !== 'vm_lost') expect(record).toMatchObject({ status: 'completed' })
    expect(text.match(/up/g)?.length ?? 0).toBeLessThanOrEqual(1)
  }
  const records = await Promise.all(waiting.map(async ({ id }) => api.get(id)))
  expect(records.filter(({ status }) => status === 'completed').length).toBeGreaterThanOrEqual(2)
  expect(await api.get(before.id), 'what was kept is kept').toMatchObject({ status: 'completed', stdout: 'long ago\n' })
  await runs()
  await sound()
  await note(`the machine’s power is cut: ${what} is killed`, begun, ended?.record.exit)
})

test('what was made just before the machine’s power is cut is whole, or is not there', async () => {
  if (!(await hasMachine())) return
  expect(await settled()).toEqual([])
  const begun = performance.now()
  const api = await patientClient()
  const of = (disk: number) => ({ resources: { timeout_s: 300, disk_mb: disk } })
  // One class has a template by then, the other the empty disk that its vms have copies of.
  const [warm, cold] = [701, 702]
  const hasTemplate = async () => {
    expect((await python('pass', of(warm))).status).toBe('completed')
    return (await api.templates()).some(({ disk_mb: disk, state }) => disk === warm && state === 'ready') || undefined
  }
  await eventually('a template', hasTemplate, { withinMs: 400_000, everyMs: 2000 })
  expect((await python('pass', of(cold))).status).toBe('completed')
  await cut('QEMU')
  const up = await vulcan(['up'])
  expect(up.code, up.stderr).toBe(0)
  const code = `
for name in range(200): open(str(name), 'w').write('x' * 10_000)
print(sum(len(open(str(name)).read()) for name in range(200)))`
  for (const disk of [warm, cold]) {
    const record = await python(code, of(disk))
    expect(record, JSON.stringify(record.exit)).toMatchObject({ status: 'completed', stdout: '2000000\n' })
  }
  await sound()
  await note('what was made just before the machine’s power is cut is whole, or is not there', begun)
})

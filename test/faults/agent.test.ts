/** The agent of a guest is killed, held still, or not ours at all: its run is lost and said to be, and nobody else's is. */
import { beforeAll, expect, test } from 'vitest'
import type { WorkloadRequest } from '../../src/api/workload.ts'
import { bounded } from '../system/bounded.ts'
import { asRoot, type Mode, rareFrom, withBrokenGuests } from '../system/brokenguest.ts'
import { python, settled } from '../system/harness.ts'
import { haveTemplate, note, sound } from './fault.ts'

const rare = rareFrom(170)

// What goes on from a template is whole, whatever the initramfs is meanwhile: the runs beside do so.
beforeAll(() => haveTemplate('none'))

/** What root of a guest does to the agent, which is its init, and how the run ends that it was in. */
const harms = [
  {
    name: 'writes over the agent’s code',
    script: `
import re
maps = open('/proc/1/maps').read()
low, high = [int(n, 16) for n in re.search(r'^(\\w+)-(\\w+) r-x', maps, re.M).groups()]
print('up', flush=True)
with open('/proc/1/mem', 'r+b', buffering=0) as memory:
    memory.seek(low); memory.write(b'\\xcc' * (high - low))`,
  },
  {
    name: 'restarts the guest',
    script: `
import ctypes
print('up', flush=True)
ctypes.CDLL(None).reboot(0x01234567)`,
  },
  {
    name: 'takes hold of the agent, and lets it do nothing more',
    script: `
import ctypes, os, time
libc = ctypes.CDLL(None)
print('up', flush=True); time.sleep(1)
SEIZE, INTERRUPT = 0x4206, 0x4207
for thread in os.listdir('/proc/1/task'):
    libc.ptrace(SEIZE, int(thread), 0, 0); libc.ptrace(INTERRUPT, int(thread), 0, 0)
time.sleep(600)`,
    says: /it has answered nothing for 60 s/,
  },
]

test.each(harms)('root of a guest $name: the run is lost, and nothing else is', async ({ name, script, says }) => {
  const begun = performance.now()
  const record = await withBrokenGuests('rooted', () => asRoot(script, { resources: rare() }))
  await note(`root of a guest ${name}`, begun, record.exit)
  expect(record, JSON.stringify(record.exit)).toMatchObject({ status: 'failed', exit: { by: 'vm_lost' } })
  if (says) expect(record.exit?.message).toMatch(says)
  await sound()
})

const agents: readonly { mode: Mode; by: RegExp; more?: WorkloadRequest['resources'] }[] = [
  { mode: 'nonsense in the first word', by: /^start_failed$/ },
  { mode: 'silence in the first word', by: /^start_failed$/ },
  { mode: 'noise in sessions', by: /^(start_failed|vm_lost)$/ },
  { mode: 'half a frame in sessions', by: /^(start_failed|vm_lost)$/ },
  { mode: 'output that nobody asked for', by: /^(start_failed|vm_lost)$/ },
  // As far as it says, its program runs: it is the host that ends it.
  { mode: 'yes to everything, and no end', by: /^timeout$/, more: { timeout_s: 10 } },
  { mode: 'yes to everything, then chatter without end', by: /^vm_lost$/ },
]

test.each(agents)(
  '$mode: no run is had with it, nothing is left, and it costs nobody else anything',
  async ({ mode, by, more }) => {
    const begun = performance.now()
    const record = await bounded(mode, () =>
      withBrokenGuests(mode, () => python('print("ours")', { resources: { ...rare(), ...more } })),
    )
    await note(`an agent that is not ours: ${mode}`, begun, record.exit)
    expect(record.exit?.by, JSON.stringify(record.exit)).toMatch(by)
    expect(record.exit?.message).toMatch(/\w/)
    expect(record.stdout).toBe('')
    expect(await settled()).toEqual([])
  },
)

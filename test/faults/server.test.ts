/** The server ends, stands still or loses what it keeps while a program runs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogEvent } from '../../src/api/sse.ts'
import { client, hasMachine, patientClient, python, residue, settled } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'
import { type Fault, note, runs, sound, submitted, suffer, textOf, victim } from './fault.ts'
import { breakNode, emptyFirewall, endServer, fillDisk, lockStore } from './node.ts'

const again = 'while ! [ -e $VULCAN_HOME/server.json ]; do sleep 0.2; done; sleep 1'

/** The clock of a machine of ours, never that of a host. */
const clocks = [
  { name: 'the clock jumps an hour ahead', harm: () => setClock('+3600') },
  { name: 'the clock jumps an hour back', harm: () => setClock('-3600') },
  {
    name: 'the server is killed, and the clock jumps an hour ahead before the next',
    harm: () => breakNode(`${endServer('KILL')}; ${clock('+3600')}`),
  },
  {
    name: 'the server is killed, and the clock jumps an hour back before the next',
    harm: () => breakNode(`${endServer('KILL')}; ${clock('-3600')}`),
  },
]

/** What one program lives through, one after the other. */
const survived: readonly { name: string; harm: () => Promise<unknown> }[] = [
  ...['KILL', 'TERM', 'SEGV', 'ABRT'].map((signal) => ({
    name: `the server ends by SIG${signal}`,
    harm: () => breakNode(endServer(signal)),
  })),
  {
    name: 'the server is killed three times in a row',
    harm: () => breakNode([1, 2, 3].map(() => `${endServer('KILL')}; ${again}`).join('; ')),
  },
  {
    name: 'the server is killed while it stops',
    harm: () => breakNode(`${endServer('TERM')}; sleep 0.3; ${endServer('KILL')} || true`),
  },
  {
    name: 'the server stands still for longer than a lease lasts',
    harm: () => breakNode(`${endServer('STOP')}; sleep 40; ${endServer('CONT')}`),
  },
  {
    name: 'the store is locked by another for four seconds',
    harm: () => lockStore(4),
  },
  {
    name: 'the store is locked by another for longer than a lease lasts',
    harm: () => lockStore(40),
  },
  ...((await hasMachine()) ? clocks : []),
  {
    name: 'the firewall is emptied, and the server killed',
    harm: () => breakNode(`${emptyFirewall}; ${endServer('KILL')}`),
  },
]

describe('one program lives through all of this, and not a line of it is lost or told twice', () => {
  const log: LogEvent[] = []
  let id = ''
  let reading: Promise<void>
  const lines = () => textOf(log).split('\n').slice(0, -1)

  beforeAll(async () => {
    expect(await settled()).toEqual([])
    const api = await patientClient()
    const code = 'import time\nfor n in range(10**6):\n  print(n, flush=True)\n  time.sleep(0.5)'
    ;({ id } = await submitted(api, { runtime: 'python', code, network: 'none', resources: { timeout_s: 3600 } }))
    reading = (async () => {
      for await (const event of api.logs(id)) log.push(event)
    })()
    reading.catch(() => undefined)
    await eventually('its first line', () => Promise.resolve(lines().length > 0 || undefined), { withinMs: 300_000 })
  })

  // The machine's clock was moved, this computer's was not.
  afterAll(async () => {
    if (await hasMachine()) await breakNode(`date -s @${Math.round(Date.now() / 1000)} >/dev/null`)
  })

  test.each(survived)('$name', async ({ name, harm }) => {
    const begun = performance.now()
    await harm()
    const before = lines().length
    const more = () => Promise.resolve(lines().length > before + 2 || undefined)
    await eventually('its next lines', more, { withinMs: 200_000 })
    await runs()
    const api = await patientClient()
    expect(await api.get(id)).toMatchObject({ status: 'running' })
    const { run } = await api.get(id)
    // Without a network, all that it has is named after it.
    const others = async () => (await residue()).filter((line) => !line.includes(run?.vm_id ?? '?'))
    const alone = async () => ((await others()).length === 0 ? true : undefined)
    await eventually('nothing but its vm', alone, { withinMs: 150_000 }).catch(() => undefined)
    expect(await others()).toEqual([])
    await note(name, begun)
  })

  test('then it is killed, its lines are whole, and nothing is left', async () => {
    const api = await patientClient()
    await api.kill(id)
    await reading
    const record = await api.get(id)
    expect(record).toMatchObject({ status: 'killed', exit: { by: 'killed' } })
    const [end, ...more] = log.filter((event) => event.event === 'end')
    expect([end?.data, more]).toMatchObject([{ status: 'killed', exit: record.exit }, []])
    expect(lines()).toEqual(lines().map((_, n) => String(n)))
    await sound()
  })
})

const faults: Fault[] = [
  {
    name: 'the server is interrupted, which ends what runs',
    request: { code: "import time\nprint('up', flush=True)\ntime.sleep(600)", resources: { timeout_s: 700 } },
    running: async () => void (await breakNode(endServer('INT'))),
    ends: ['killed'],
    told: { status: 'killed' },
  },
  {
    name: 'the server is killed in the middle of much output',
    request: {
      code: "import time\nprint('up', flush=True)\nfor n in range(2000):\n  print('x' * 1000)\n  time.sleep(0.004)\nprint('done')",
    },
    running: async () => void (await breakNode(endServer('KILL'))),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'the server is killed when the program has just ended',
    request: { code: "print('up')" },
    running: async () => void (await breakNode(endServer('KILL'))),
    ends: ['program'],
    told: { status: 'completed', stdout: 'up\n' },
  },
  {
    name: 'the store is locked by another when the program ends',
    request: { code: "import time\nprint('up', flush=True)\ntime.sleep(4)\nprint('done')" },
    running: () => lockStore(20),
    ends: ['program'],
    told: { status: 'completed', stdout: 'up\ndone\n' },
  },
  {
    name: 'the folder of the outputs of a run is removed under it',
    running: async (id) => void (await breakNode(`rm -rf $VULCAN_HOME/runs/${id}*`)),
    ends: ['program', 'vm_lost'],
  },
  {
    name: 'the disk fills while the program writes',
    request: {
      code: "import time\nprint('up', flush=True)\nfor n in range(300):\n  print('x' * 9999)\n  time.sleep(0.05)\nprint('done')",
      resources: { timeout_s: 300 },
    },
    running: async () => {
      const mend = await fillDisk()
      await breakNode('sleep 3')
      await mend()
    },
    ends: ['program', 'vm_lost'],
  },
]

/** Shell words that move the clock by so many seconds. */
function clock(seconds: string): string {
  return `date -s @$(($(date +%s) ${seconds})) >/dev/null`
}

/** Moves the node's clock by so many seconds. */
async function setClock(seconds: string): Promise<void> {
  await breakNode(clock(seconds))
}

test.each(faults)('$name', (fault) => suffer(fault))

test('with the disk full a workload is refused, since it could not be kept; with room again it runs', async () => {
  expect(await settled()).toEqual([])
  const api = await client()
  const mend = await fillDisk()
  try {
    const refusal = { code: 'store_failed', message: expect.stringMatching(/disk is full/) as string }
    await expect(api.submit(victim)).rejects.toMatchObject(refusal)
  } finally {
    await mend()
  }
  await sound()
})

test('a damaged store is refused by name, and nothing is made in its place', async () => {
  await breakNode(`
    cp $VULCAN_HOME/vulcan.db /run/whole.db
    ${endServer('STOP')}
    dd if=/dev/urandom of=$VULCAN_HOME/vulcan.db bs=4096 count=4 conv=notrunc 2>/dev/null
    rm -f $VULCAN_HOME/vulcan.db-wal $VULCAN_HOME/vulcan.db-shm
    sha256sum <$VULCAN_HOME/vulcan.db >/run/damaged.sum
    wc -c <$VULCAN_HOME/server.log >/run/said
    ${endServer('KILL')}`)
  await eventually('a server that says why it does not start', async () => {
    // Of what was said since: a test before may have had it say the same.
    const text = await breakNode('tail -c +$(($(cat /run/said) + 1)) $VULCAN_HOME/server.log')
    return /store_failed.*vulcan\.db/.exec(text) ?? undefined
  })
  await breakNode(`
    sha256sum <$VULCAN_HOME/vulcan.db | cmp - /run/damaged.sum || exit 1
    mv /run/whole.db $VULCAN_HOME/vulcan.db
    rm -f $VULCAN_HOME/vulcan.db-wal $VULCAN_HOME/vulcan.db-shm`)
  await eventually('the server that has its store again', async () => {
    const health = await (await client()).health().catch(() => undefined)
    return health && true
  })
  await sound()
})

test('a client that goes away ends nothing', async () => {
  const api = await client()
  const { id } = await api.submit({
    runtime: 'python',
    code: "import time\ntime.sleep(3)\nprint('done')",
    network: 'internet',
  })
  const gone = AbortSignal.timeout(500)
  const reading = async () => {
    for await (const event of api.logs(id, { signal: gone })) if (event.event === 'end') return
  }
  await expect(reading()).rejects.toThrow(/abort/i)
  await eventually('its end', async () => ((await api.get(id)).status === 'completed' ? true : undefined))
  expect((await api.get(id)).stdout).toBe('done\n')
  await sound()
})

test('an upload that breaks off leaves nothing', async () => {
  const broken = new Blob([new Uint8Array(1 << 20)])
  const api = await client()
  await expect(api.submit({ runtime: 'python' }, broken)).rejects.toThrow(/archive/)
  expect(await breakNode('find $VULCAN_HOME/uploads -type f | wc -l')).toBe('0\n')
  expect((await python('print(1)')).stdout).toBe('1\n')
})

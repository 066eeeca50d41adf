/** The server ends, stands still or loses what it keeps while a program runs. */
import { expect, test } from 'vitest'
import { client, python } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'
import { type Fault, sound, suffer } from './fault.ts'
import { breakNode, endServer, fillDisk } from './node.ts'

/** It outlives everything here. */
const long = {
  code: "import time\nprint('up', flush=True)\ntime.sleep(25)\nprint('done')",
  resources: { timeout_s: 300 },
}
const whole = { ends: ['program'], told: { status: 'completed', stdout: 'up\ndone\n' } } as const

const harm = (script: string) => async () => void (await breakNode(script))
const again = 'while ! [ -e $VULCAN_HOME/server.json ]; do sleep 0.2; done; sleep 1'

const ended: Fault[] = ['KILL', 'TERM', 'INT', 'SEGV', 'ABRT'].map((signal) => ({
  name: `the server ends by SIG${signal}`,
  request: long,
  running: harm(endServer(signal)),
  ...whole,
}))

const faults: Fault[] = [
  ...ended,
  {
    name: 'the server is killed three times in a row',
    request: long,
    running: harm([1, 2, 3].map(() => `${endServer('KILL')}; ${again}`).join('; ')),
    ...whole,
  },
  {
    name: 'the server is killed while it stops',
    request: long,
    running: harm(`${endServer('TERM')}; sleep 0.3; ${endServer('KILL')} || true`),
    ...whole,
  },
  {
    name: 'the server stands still for ten seconds',
    request: long,
    running: harm(`${endServer('STOP')}; sleep 10; ${endServer('CONT')}`),
    ...whole,
  },
  {
    name: 'the server is killed in the middle of much output',
    request: {
      code: "import time\nprint('up', flush=True)\nfor n in range(2000):\n  print('x' * 1000)\n  time.sleep(0.004)\nprint('done')",
    },
    running: harm(endServer('KILL')),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'the server is killed when the program has just ended',
    request: { code: "print('up')" },
    running: harm(endServer('KILL')),
    ends: ['program'],
    told: { status: 'completed', stdout: 'up\n' },
  },
  {
    name: 'the store is locked by another for four seconds',
    request: { code: "import time\nprint('up', flush=True)\ntime.sleep(1)\nprint('done')" },
    running: harm(`node -e '
      const db = new (require("node:sqlite").DatabaseSync)(process.env.VULCAN_HOME + "/vulcan.db")
      db.exec("BEGIN EXCLUSIVE"); setTimeout(() => db.exec("ROLLBACK"), 4000)'`),
    ...whole,
  },
  {
    name: 'the folder of the outputs of a run is removed under it',
    request: long,
    running: async (id) => void (await breakNode(`rm -rf $VULCAN_HOME/runs/${id}*`)),
    ends: ['program', 'vm_lost'],
  },
  {
    name: 'the clock jumps an hour ahead',
    request: long,
    before: async () => () => setClock('-3600'),
    running: () => setClock('+3600'),
    ...whole,
  },
  {
    name: 'the clock jumps an hour back',
    request: long,
    before: async () => () => setClock('+3600'),
    running: () => setClock('-3600'),
    ...whole,
  },
  {
    name: 'the disk is full before a workload comes, and while it runs',
    before: fillDisk,
    ends: ['program', 'start_failed', 'vm_lost'],
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

/** Moves the node's clock by so many seconds. */
async function setClock(seconds: string): Promise<void> {
  await breakNode(`date -s @$(($(date +%s) ${seconds})) >/dev/null`)
}

test.each(faults)('$name', (fault) => suffer(fault))

test('a damaged store is refused by name, and nothing is made in its place', async () => {
  await breakNode(`
    cp $VULCAN_HOME/vulcan.db /run/whole.db
    ${endServer('STOP')}
    dd if=/dev/urandom of=$VULCAN_HOME/vulcan.db bs=4096 count=4 conv=notrunc 2>/dev/null
    rm -f $VULCAN_HOME/vulcan.db-wal $VULCAN_HOME/vulcan.db-shm
    ${endServer('KILL')}`)
  const says = await eventually('a server that says why it does not start', async () => {
    const text = await breakNode('tail -20 $VULCAN_HOME/server.log')
    return /vulcan\.db|store/.exec(text) ? text : undefined
  })
  expect(says).toMatch(/store|vulcan\.db/)
  await breakNode(
    'mv /run/whole.db $VULCAN_HOME/vulcan.db; rm -f $VULCAN_HOME/vulcan.db-wal $VULCAN_HOME/vulcan.db-shm',
  )
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
    network: 'none',
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

/** A network plugin fails, is killed or says what is no answer: the start fails, says so, and leaves nothing. */
import { expect, test } from 'vitest'
import { python } from '../system/harness.ts'
import { type Fault, haveTemplate, startFails, suffer, victim } from './fault.ts'
import { pluginInPlaceOf } from './node.ts'

const harms = [
  ['fails', 'exit 1'],
  ['is killed', 'kill -9 $$'],
  ['answers nonsense', 'echo "{}{"'],
]

const faults: Fault[] = ['bridge', 'host-local', 'vulcan-tap'].flatMap((name) =>
  harms.map(([how = '', does = '']) => ({
    name: `the network plugin ${name} ${how}`,
    before: () => pluginInPlaceOf(name, does),
    ...startFails,
    says: /network|CNI/i,
  })),
)

test.each(faults)('$name', (fault) => suffer(fault))

test('a network that failed costs no template', async () => {
  const { network } = victim
  await haveTemplate()
  const mend = await pluginInPlaceOf('bridge', 'exit 1')
  try {
    expect(await python('pass', { network })).toMatchObject({ exit: { by: 'start_failed' } })
  } finally {
    await mend()
  }
  const { run } = await python('pass', { network, resources: { timeout_s: 300 } })
  expect(run?.start).toBe('restore')
})

/** Vms that go on from a template, and what they do not have of it. That they are nobody's copy: test/faults/clones.test.ts. */
import { expect, test } from 'vitest'
import { client, nodeHome, onNode, python, settled } from './harness.ts'
import { eventually } from './outside.ts'
import { runScript } from './script.ts'

/** For a process of its own on the node, a boot, a snapshot and the time that passes, in milliseconds. */
const agedMs = 900_000

test('a program that wants a hash seed of its own has an interpreter of its own', async () => {
  const seen = []
  for (let n = 0; n < 2; n += 1) {
    const record = await python('print(hash("vulcan"))', { network: 'internet', env: { PYTHONHASHSEED: 'random' } })
    expect(record.run?.details?.interpreter).toBe('new')
    seen.push(record.stdout)
  }
  expect(new Set(seen).size).toBe(2)
})

test('a template that cannot be loaded is put away, and the vm boots', async () => {
  const network = { network: 'internet' } as const
  const isRestored = async () => (await python('pass', network)).run?.start !== 'boot' || undefined
  await eventually('a template that comes into use', isRestored, { withinMs: 400_000, everyMs: 2000 })
  const templates = await (await client()).templates()
  for (const { bytes = Infinity, mem_mb: mem } of templates.filter(({ state }) => state === 'ready')) {
    expect(bytes, 'memory that no guest ever wrote to takes no disk').toBeLessThan((mem / 2) * 2 ** 20)
  }
  await (await client()).drain()
  // That of its class alone: under emulation making each of the others anew takes minutes.
  await onNode(`for marker in $(grep -l '"runtime": "python"' ${await nodeHome()}/templates/*/COMPLETE); do
    if grep -q '"nic": true' "$marker"; then truncate -s 100 "$(dirname "$marker")/state"; fi; done`)
  const record = await python('print("all the same")', network)
  expect(record).toMatchObject({ status: 'completed', stdout: 'all the same\n', run: { start: 'boot' } })
  expect(await settled()).toEqual([])
})

test(
  'time that has passed since a snapshot is counted as nobody’s: what waits in it is at rest, and goes at once',
  async () => {
    const ageMs = 30_000
    const said = await runScript('test/system/aged.ts', [await nodeHome(), String(ageMs)], { timeoutMs: agedMs })
    // It would be paid back out of what waits has of the processor, all of it.
    expect((JSON.parse(said) as { ms: number }).ms).toBeLessThan(ageMs)
  },
  agedMs,
)

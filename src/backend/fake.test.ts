import { randomUUIDv7 } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Run, RunSpec } from './backend.ts'
import { FakeBackend } from './fake.ts'
import { testSpec } from './testing.ts'

const never = new AbortController().signal

function specOf(code: string): RunSpec {
  const source = { kind: 'code', name: 'main.py', content: Buffer.from(code) } as const
  return testSpec({ id: randomUUIDv7(), source })
}

async function textOf(run: Run): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const { data } of run.output) parts.push(data)
  return Buffer.concat(parts).toString()
}

const recovery = (run: Run, stdout: number) => ({
  seen: { stdout, stderr: 0 },
  startedAt: Date.now(),
  facts: run.facts(),
})

test('a run whose holder vanished is recovered: its output goes on, that of the old holder ends', async () => {
  await using backend = new FakeBackend()
  const spec = specOf('# fake: print one\n# fake: sleep 50\n# fake: print two')
  const vanished = await backend.execute(spec, never)
  const old = textOf(vanished)
  const run = await backend.recover(spec, recovery(vanished, 2), never)
  expect(await old).not.toContain('two')
  expect(await textOf(run as Run)).toBe('e\ntwo\n')
  vanished.kill('killed')
  await vanished[Symbol.asyncDispose]()
  expect(await run?.exited).toMatchObject({ by: 'program', code: 0 })
  expect(backend.live.size).toBe(1)
  await run?.[Symbol.asyncDispose]()
  expect(backend.live.size).toBe(0)
})

test('who saw less than was acknowledged cannot go on: the run is gone', async () => {
  await using backend = new FakeBackend()
  const spec = specOf('# fake: print one\n# fake: sleep 60000')
  const run = await backend.execute(spec, never)
  await run.output[Symbol.asyncIterator]().next()
  run.acknowledge({ stdout: 4, stderr: 0 })
  expect(await backend.recover(spec, recovery(run, 1), never)).toBeUndefined()
  expect(backend.live.size).toBe(0)
})

test('closing the backend ends what is held, and leaves what was released', async () => {
  const backend = new FakeBackend()
  const [held, released] = [specOf('# fake: sleep 60000'), specOf('# fake: sleep 60000')]
  await backend.execute(held, never)
  await (await backend.execute(released, never)).release()
  await backend[Symbol.asyncDispose]()
  expect([...backend.live.keys()]).toEqual([released.id])
  expect(await backend.cleanup(new Set())).toEqual([
    expect.objectContaining({ kind: 'process', owner: `run ${released.id}` }),
  ])
  expect(backend.live.size).toBe(0)
})

/** The part of the contract that is about going on: runs let go of and taken up again, as after the end of a server. */
import assert from 'node:assert/strict'
import type { Run, RunSpec } from '../../src/backend/backend.ts'
import type { Case, Offered } from './backend.contract.ts'
import { collect, firstChunk, firstLine, Kept, never, recoveryOf, specOf } from './collect.ts'

async function clean(offered: Offered): Promise<void> {
  assert.deepEqual(await offered.residue(), [])
}

/** Enough lines that the program waits for an acknowledgement while nobody holds it: 2.5 MB. */
const lines = 40_000

export const recoveryContract: readonly Case[] = [
  {
    name: 'a run released and recovered gives exactly the rest of its output',
    async check(offered) {
      const { backend, programs } = offered
      const spec = specOf(offered, programs.count(lines))
      const first = await backend.execute(spec, never)
      const kept = new Kept()
      const chunk = await firstChunk(first)
      assert.ok(chunk)
      kept.add(chunk)
      first.acknowledge({ stdout: chunk.data.length >> 1, stderr: 0 })
      await first.release()
      const second = await backend.recover(spec, recoveryOf(first.facts(), kept.seen), never)
      assert.ok(second)
      assert.equal(second.id, spec.id)
      const { stdout } = await collect(second, kept)
      assert.ok(
        stdout === Array.from({ length: lines }, (_, index) => `${`${index + 1}`.padStart(63, '0')}\n`).join(''),
        'a gap or a double',
      )
      assert.deepEqual([(await second.exited).by, (await second.exited).code], ['program', 0])
      await second[Symbol.asyncDispose]()
      await clean(offered)
    },
  },
  {
    name: 'what was not acknowledged is given again where less of it was seen',
    async check(offered) {
      const { backend } = offered
      const { spec, run: first } = await begun(offered)
      await first.release()
      const second = await backend.recover(spec, recoveryOf(first.facts()), never)
      assert.ok(second)
      assert.equal(await firstLine(second), 'up\n')
      await endKilled(second)
      await clean(offered)
    },
  },
  {
    name: 'a run that was let go of: its output ends, and ending it ends nothing',
    async check(offered) {
      const { backend } = offered
      const { spec, run: first } = await begun(offered)
      await first.release()
      await collect(first)
      first.kill('killed')
      await first[Symbol.asyncDispose]()
      assert.equal(await Promise.race([first.exited, Promise.resolve('open')]), 'open')
      const second = await backend.recover(spec, recoveryOf(first.facts(), { stdout: 3, stderr: 0 }), never)
      assert.ok(second)
      await endKilled(second)
      await clean(offered)
    },
  },
  {
    name: 'a run that was being killed when it was let go of ends by what it was killed for',
    async check(offered) {
      const { backend } = offered
      const { spec, run: first } = await begun(offered)
      first.kill('timeout')
      await first.release()
      const second = await backend.recover(spec, recoveryOf(first.facts(), { stdout: 3, stderr: 0 }), never)
      assert.ok(second)
      await collect(second)
      assert.equal((await second.exited).by, 'timeout')
      await second[Symbol.asyncDispose]()
      await clean(offered)
    },
  },
  {
    name: 'a program that ended while nobody held it: its output, its exit and its result are given',
    async check(offered) {
      const { backend, programs } = offered
      const spec = specOf(offered, programs.result)
      const first = await backend.execute(spec, never)
      await first.release()
      // Another whole run takes longer than what is left of the first.
      await using other = await backend.execute(specOf(offered, programs.speak(0)), never)
      await collect(other)
      await other.exited
      const second = await backend.recover(spec, recoveryOf(first.facts()), never)
      assert.ok(second)
      await collect(second)
      const exit = await second.exited
      assert.deepEqual([exit.by, exit.code, JSON.parse(exit.result ?? 'null')], ['program', 0, { answer: 42 }])
      await second[Symbol.asyncDispose]()
      assert.equal(await backend.recover(spec, recoveryOf(first.facts()), never), undefined)
      await other[Symbol.asyncDispose]()
      await clean(offered)
    },
  },
  {
    name: 'a run nobody knows is not recovered',
    async check(offered) {
      const { backend, programs } = offered
      await using known = await backend.execute(specOf(offered, programs.wait), never)
      const unknown = specOf(offered, programs.wait)
      assert.equal(await backend.recover(unknown, recoveryOf(known.facts()), never), undefined)
    },
  },
  {
    name: 'the time of a recovered run counts from its first start, and its facts go on from what was known',
    async check(offered) {
      const { backend, programs } = offered
      const spec = specOf(offered, programs.wait)
      const first = await backend.execute(spec, never)
      const facts = { ...first.facts(), bootMs: 12_345 }
      await first.release()
      const longAgo = Date.now() - 2 * spec.resources.timeoutMs
      const second = await backend.recover(spec, recoveryOf(facts, undefined, longAgo), never)
      assert.ok(second)
      await collect(second)
      assert.equal((await second.exited).by, 'timeout')
      await second[Symbol.asyncDispose]()
      assert.deepEqual([second.facts().bootMs, second.facts().vmId], [12_345, facts.vmId])
      await clean(offered)
    },
  },
]

/** A run whose program is there, and waits. */
async function begun(offered: Offered): Promise<{ spec: RunSpec; run: Run }> {
  const spec = specOf(offered, offered.programs.wait)
  const run = await offered.backend.execute(spec, never)
  assert.equal(await firstLine(run), 'up\n')
  return { spec, run }
}

async function endKilled(run: Run): Promise<void> {
  run.kill('killed')
  await collect(run)
  assert.equal((await run.exited).by, 'killed')
  await run[Symbol.asyncDispose]()
}

/**
 * The contract of the seam: one suite of cases for every backend. Plain functions with node:assert, so that they run under
 * vitest as well as inside the machine, where there is only Node.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Backend } from '../../src/backend/backend.ts'
import { collect, firstChunk, never, specOf } from './collect.ts'
import { deniedContract } from './denied.contract.ts'
import { recoveryContract } from './recovery.contract.ts'

/** Source text, for the backend at hand, of programs that do what their names say. */
export interface Programs {
  readonly runtime: string
  readonly name: string
  /** Writes `out` and a line end to stdout, `err` and a line end to stderr, and ends with that code. */
  readonly speak: (code: number) => string
  /** Writes `up` and a line end, then waits much longer than any test. */
  readonly wait: string
  /** Writes that many bytes of `x` to stdout, then ends. */
  readonly flood: (bytes: number) => string
  /** Writes the numbers from 1 to that one to stdout, each with zeros to 63 characters, a line each, then ends. */
  readonly count: (last: number) => string
  /** Writes its standard input to stdout. */
  readonly echo: string
  /** Tries to reach 10.1.2.3 at TCP port 80, twice, then writes `refused` and a line end. */
  readonly refused: string
  /** Looks up other.example, then writes `unknown` and a line end. */
  readonly misnamed: string
  /** Leaves {"answer":42} as its result. */
  readonly result: string
}

export interface Offered {
  readonly backend: Backend
  readonly programs: Programs
  /** Milliseconds in which a program surely has begun and written a line. */
  readonly timeoutMs: number
  /** What is left of runs outside, one line a thing; empty when all is clean. */
  readonly residue: () => Promise<readonly string[]>
}

export interface Case {
  readonly name: string
  readonly check: (offered: Offered) => Promise<void>
}

async function clean(offered: Offered): Promise<void> {
  assert.deepEqual(await offered.residue(), [])
}

const endsWith = (code: number): Case => ({
  name: `a program that ends with ${code}: its output whole, its exit, its usage, its facts`,
  async check(offered) {
    const { backend, programs } = offered
    const spec = specOf(offered, programs.speak(code))
    const run = await backend.execute(spec, never)
    assert.equal(run.id, spec.id)
    assert.deepEqual(await collect(run), { stdout: 'out\n', stderr: 'err\n' })
    const exit = await run.exited
    assert.deepEqual([exit.by, exit.code], ['program', code])
    assert.ok((exit.usage?.cpuMs ?? -1) >= 0)
    await run[Symbol.asyncDispose]()
    assert.deepEqual([run.facts().backend, run.facts().vsock.status], [backend.name, 'closed'])
    for (const phase of ['vm', 'program', 'collect']) assert.ok((run.facts().phasesMs[phase] ?? -1) >= 0, phase)
    await clean(offered)
  },
})

export const backendContract: readonly Case[] = [
  {
    name: 'it is available and says what it can do',
    async check({ backend, programs }) {
      const can = await backend.capabilities()
      assert.equal(can.available, true)
      assert.ok(can.isolation.length > 0)
      assert.ok(can.runtimes.includes(programs.runtime))
    },
  },
  endsWith(0),
  endsWith(3),
  {
    name: 'standard input goes in, a result comes out',
    async check(offered) {
      const { backend, programs } = offered
      await using echo = await backend.execute(specOf(offered, programs.echo, { stdin: Buffer.from('typed') }), never)
      assert.equal((await collect(echo)).stdout, 'typed')
      await using told = await backend.execute(specOf(offered, programs.result), never)
      await collect(told)
      assert.deepEqual(JSON.parse((await told.exited).result ?? 'null'), { answer: 42 })
    },
  },
  {
    name: 'the first reason of a kill wins, and the output ends',
    async check(offered) {
      const run = await offered.backend.execute(specOf(offered, offered.programs.wait), never)
      await firstChunk(run)
      run.kill('output_limit')
      run.kill('killed')
      await collect(run)
      assert.equal((await run.exited).by, 'output_limit')
      await run[Symbol.asyncDispose]()
      await clean(offered)
    },
  },
  {
    name: 'a program that runs too long ends by timeout, counted from its start',
    async check(offered) {
      const spec = specOf(offered, offered.programs.wait)
      const short = { ...spec, resources: { ...spec.resources, timeoutMs: offered.timeoutMs } }
      await using run = await offered.backend.execute(short, never)
      assert.equal((await collect(run)).stdout, 'up\n')
      assert.equal((await run.exited).by, 'timeout')
    },
  },
  {
    name: 'a reader that is slow slows the program and loses nothing',
    async check(offered) {
      const bytes = 8 << 20
      await using run = await offered.backend.execute(specOf(offered, offered.programs.flood(bytes)), never)
      let seen = 0
      for await (const chunk of run.output) {
        seen += chunk.data.length
        run.acknowledge({ stdout: seen, stderr: 0 })
        await new Promise(setImmediate)
      }
      assert.equal(seen, bytes)
      assert.equal((await run.exited).code, 0)
    },
  },
  {
    name: 'disposing of a run that goes on kills it, waits for its end and leaves nothing; twice is as once',
    async check(offered) {
      const run = await offered.backend.execute(specOf(offered, offered.programs.wait), never)
      await Promise.all([run[Symbol.asyncDispose](), run[Symbol.asyncDispose]()])
      assert.equal((await run.exited).by, 'killed')
      await clean(offered)
    },
  },
  {
    name: 'a start that is aborted rejects and leaves nothing',
    async check(offered) {
      const stop = new AbortController()
      const starting = offered.backend.execute(specOf(offered, offered.programs.wait), stop.signal)
      stop.abort(new Error('no more'))
      await assert.rejects(starting)
      await clean(offered)
    },
  },
  {
    name: 'a program begins once its workload lasts; where it does not, the start rejects and leaves nothing',
    async check(offered) {
      const spec = specOf(offered, offered.programs.speak(0))
      const begun = performance.now()
      await using usual = await offered.backend.execute(specOf(offered, offered.programs.speak(0)), never)
      const startMs = performance.now() - begun
      const accepted = Promise.withResolvers<void>()
      const starting = offered.backend.execute(spec, never, { accepted: accepted.promise })
      assert.equal(await Promise.race([starting, pause(2 * startMs + 10, 'it waits')]), 'it waits')
      accepted.resolve()
      await using run = await starting
      assert.equal((await collect(run)).stdout, 'out\n')
      const refused = { accepted: Promise.reject(new Error('the disk is full')) }
      await assert.rejects(
        offered.backend.execute(specOf(offered, offered.programs.wait), never, refused),
        /the disk is full/,
      )
      await run[Symbol.asyncDispose]()
      await usual[Symbol.asyncDispose]()
      await clean(offered)
    },
  },
  {
    name: 'cleanup takes nothing of a run that is kept',
    async check(offered) {
      const spec = specOf(offered, offered.programs.wait)
      await using run = await offered.backend.execute(spec, never)
      await firstChunk(run)
      const kept = new Set([spec.id])
      await offered.backend.cleanup(kept)
      assert.deepEqual(await offered.backend.cleanup(kept, { dryRun: true }), [])
      run.kill('killed')
      await collect(run)
      assert.equal((await run.exited).by, 'killed')
    },
  },
  {
    name: 'what is drained does not wait any more',
    async check({ backend }) {
      await backend.drain()
      assert.deepEqual(
        backend.pool().lines.filter(({ ready }) => ready > 0),
        [],
      )
      assert.equal(await backend.drain(), 0)
      for (const { state, madeAt } of backend.templates()) assert.equal(madeAt !== undefined, state === 'ready')
    },
  },
  {
    name: 'what was said with the guest is told as who, when, what and how much, whatever its length',
    async check(offered) {
      // A frame holds what there was to read: 100 kB as a rule, and more of them than are kept must come.
      const bytes = 24 << 20
      await using run = await offered.backend.execute(specOf(offered, offered.programs.flood(bytes)), never)
      await collect(run)
      const { count, bytes: all, frames } = run.conversation()
      assert.ok(all >= bytes && count > frames.length && frames.length <= 80, `${count} frames of ${all} bytes`)
      assert.equal(frames[0]?.number, 1)
      assert.deepEqual([frames.at(-1)?.number, frames.at(-1)?.kind, frames.at(-1)?.from], [count, 'exit', 'guest'])
      assert.ok(frames.some(({ kind, from }) => kind === 'exec' && from === 'host'))
      assert.deepEqual(
        frames.map(({ number }) => number),
        frames.map(({ number }) => number).toSorted((a, b) => a - b),
      )
    },
  },
  ...recoveryContract,
  ...deniedContract,
]

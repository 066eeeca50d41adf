/** The contract of the seam: one suite for every backend. What a program does is written for each backend by its `programs`. */
import { describe, expect, test } from 'vitest'
import type { Backend, Chunk, Run, RunSpec } from '../../src/backend/backend.ts'
import { randomUUIDv7 } from 'node:crypto'

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
  /** Writes its standard input to stdout. */
  readonly echo: string
  /** Leaves {"answer":42} as its result. */
  readonly result: string
}

export interface Offered {
  readonly backend: Backend
  readonly programs: Programs
  /** What is left of runs outside, one line a thing; empty when all is clean. */
  readonly residue: () => Promise<readonly string[]>
}

const never = new AbortController().signal

export function backendContract(name: string, offer: () => Promise<Offered>): void {
  describe(`the contract of a backend: ${name}`, () => {
    const specOf = ({ programs }: Offered, code: string, more: Partial<RunSpec> = {}): RunSpec => ({
      id: randomUUIDv7(),
      runtime: programs.runtime,
      source: { kind: 'code', name: programs.name, content: Buffer.from(code) },
      entrypoint: programs.name,
      args: [],
      env: {},
      resources: { cpus: 1, memMib: 256, timeoutMs: 30_000, diskMib: 256, pids: 64 },
      network: { mode: 'none', allow: [] },
      outputLimitBytes: 1 << 20,
      ...more,
    })

    test('it is available and says what it can do', async () => {
      const { backend, programs } = await offer()
      const can = await backend.capabilities()
      expect(can).toMatchObject({ available: true })
      expect(can.isolation.length).toBeGreaterThan(0)
      expect(can.runtimes).toContain(programs.runtime)
    })

    test.each([0, 3])('a program that ends with %i: its output whole, its exit, its usage, its facts', async (code) => {
      const offered = await offer()
      const spec = specOf(offered, offered.programs.speak(code))
      const run = await offered.backend.execute(spec, never)
      expect(run.id).toBe(spec.id)
      const output = await collect(run)
      expect(output).toEqual({ stdout: 'out\n', stderr: 'err\n' })
      const exit = await run.exited
      expect(exit).toMatchObject({ by: 'program', code })
      expect(exit.usage?.cpuMs).toBeGreaterThanOrEqual(0)
      await run[Symbol.asyncDispose]()
      expect(run.facts()).toMatchObject({ backend: offered.backend.name, vsock: { status: 'closed' } })
      expect(await offered.residue()).toEqual([])
    })

    test('standard input goes in, a result comes out', async () => {
      const offered = await offer()
      await using echo = await offered.backend.execute(
        specOf(offered, offered.programs.echo, { stdin: Buffer.from('typed') }),
        never,
      )
      expect((await collect(echo)).stdout).toBe('typed')
      await using told = await offered.backend.execute(specOf(offered, offered.programs.result), never)
      await collect(told)
      expect(JSON.parse((await told.exited).result ?? 'null')).toEqual({ answer: 42 })
    })

    test('the first reason of a kill wins, and the output ends', async () => {
      const offered = await offer()
      const run = await offered.backend.execute(specOf(offered, offered.programs.wait), never)
      await firstChunk(run)
      run.kill('output_limit')
      run.kill('killed')
      await collect(run)
      expect((await run.exited).by).toBe('output_limit')
      await run[Symbol.asyncDispose]()
      expect(await offered.residue()).toEqual([])
    })

    test('a program that runs too long ends by timeout, counted from its start', async () => {
      const offered = await offer()
      const spec = specOf(offered, offered.programs.wait)
      await using run = await offered.backend.execute(
        { ...spec, resources: { ...spec.resources, timeoutMs: 1500 } },
        never,
      )
      expect((await collect(run)).stdout).toBe('up\n')
      expect((await run.exited).by).toBe('timeout')
    })

    test('a reader that is slow slows the program and loses nothing', async () => {
      const offered = await offer()
      const bytes = 8 << 20
      await using run = await offered.backend.execute(specOf(offered, offered.programs.flood(bytes)), never)
      let seen = 0
      for await (const chunk of run.output) {
        seen += chunk.data.length
        await new Promise(setImmediate)
      }
      expect(seen).toBe(bytes)
      expect(await run.exited).toMatchObject({ by: 'program', code: 0 })
    })

    test('disposing of a run that goes on kills it, waits for its end and leaves nothing; twice is as once', async () => {
      const offered = await offer()
      const run = await offered.backend.execute(specOf(offered, offered.programs.wait), never)
      await Promise.all([run[Symbol.asyncDispose](), run[Symbol.asyncDispose]()])
      expect((await run.exited).by).toBe('killed')
      expect(await offered.residue()).toEqual([])
    })

    test('a start that is aborted rejects and leaves nothing', async () => {
      const offered = await offer()
      const stop = new AbortController()
      const starting = offered.backend.execute(specOf(offered, offered.programs.wait), stop.signal)
      stop.abort(new Error('no more'))
      // A start that was quicker than the abort is a run like any other.
      const run = await starting.catch(() => undefined)
      await run?.[Symbol.asyncDispose]()
      expect(await offered.residue()).toEqual([])
    })

    test('cleanup takes nothing of a run that is kept', async () => {
      const offered = await offer()
      const spec = specOf(offered, offered.programs.wait)
      await using run = await offered.backend.execute(spec, never)
      await firstChunk(run)
      const kept = new Set([spec.id])
      await offered.backend.cleanup(kept)
      const counts = Object.values(await offered.backend.cleanup(kept, { dryRun: true }))
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(0)
      run.kill('killed')
      await collect(run)
      expect((await run.exited).by).toBe('killed')
    })
  })
}

async function collect(run: Run): Promise<Record<Chunk['stream'], string>> {
  const parts: Record<Chunk['stream'], Buffer[]> = { stdout: [], stderr: [] }
  for await (const { stream, data } of run.output) parts[stream].push(Buffer.from(data))
  return { stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() }
}

/** Waits for the first output without ending the iteration of the rest. */
async function firstChunk(run: Run): Promise<void> {
  await run.output[Symbol.asyncIterator]().next()
}

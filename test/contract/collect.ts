/** Reading a run as the scheduler does: what was read is acknowledged, and the reader knows how much that was. */
import { randomUUIDv7 } from 'node:crypto'
import type { Chunk, Run, RunFacts, RunSpec, Seen } from '../../src/backend/backend.ts'
import type { Offered } from './backend.contract.ts'

export const never = new AbortController().signal

export function specOf({ programs }: Pick<Offered, 'programs'>, code: string, more: Partial<RunSpec> = {}): RunSpec {
  return {
    id: randomUUIDv7(),
    runtime: programs.runtime,
    source: { kind: 'code', name: programs.name, content: Buffer.from(code) },
    entrypoint: programs.name,
    args: [],
    env: {},
    resources: { cpus: 1, memMib: 256, timeoutMs: 120_000, diskMib: 256, pids: 64 },
    network: { mode: 'none', allow: [] },
    outputLimitBytes: 1 << 20,
    ...more,
  }
}

/** What was read of one run, across all that held it. */
export class Kept {
  readonly #parts: Record<Chunk['stream'], Buffer[]> = { stdout: [], stderr: [] }

  add({ stream, data }: Chunk): void {
    this.#parts[stream].push(Buffer.from(data))
  }

  get seen(): Seen {
    const { stdout, stderr } = this.text
    return { stdout: Buffer.byteLength(stdout), stderr: Buffer.byteLength(stderr) }
  }

  get text(): Record<Chunk['stream'], string> {
    const { stdout, stderr } = this.#parts
    return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
  }
}

/** Reads a run to its end; gives back all that was kept. */
export async function collect(run: Run, kept = new Kept()): Promise<Record<Chunk['stream'], string>> {
  const seen = { ...kept.seen }
  for await (const chunk of run.output) {
    kept.add(chunk)
    seen[chunk.stream] += chunk.data.length
    run.acknowledge(seen)
  }
  return kept.text
}

/** Waits for the first output without ending the iteration of the rest. */
export async function firstChunk(run: Run): Promise<Chunk | undefined> {
  const { value } = await run.output[Symbol.asyncIterator]().next()
  return value as Chunk | undefined
}

/** Reads the first line of stdout, however it is cut, without ending the iteration of the rest. */
export async function firstLine(run: Run): Promise<string> {
  let line = ''
  while (!line.includes('\n')) {
    const chunk = await firstChunk(run)
    if (!chunk) return line
    line += Buffer.from(chunk.data).toString()
  }
  return line
}

/** What a scheduler would know of a run that was told to run now. */
export function recoveryOf(facts: RunFacts, seen: Seen = { stdout: 0, stderr: 0 }, startedAt = Date.now()) {
  return { seen, startedAt, facts }
}

/** The floor of a program's start: a fresh interpreter in a vm that runs, told over a session that is there. */
import { randomUUID } from 'node:crypto'
import type { Chunk } from '../../src/backend/backend.ts'
import type { Session } from '../../src/firecracker/agent.ts'
import { argvOf } from '../../src/firecracker/launch.ts'
import type { VmClass } from '../../src/firecracker/makevm.ts'
import { exec, follow } from '../../src/firecracker/program.ts'

/** Milliseconds from the request to the first byte of output; a build of the program, where its runtime has one, is part of it. */
export async function firstByte(
  session: Session,
  { of, file, signal }: { of: VmClass; file: { name: string; text: string }; signal: AbortSignal },
): Promise<number> {
  await session.upload({ op: 'write', path: file.name, mode: 0o644 }, [Buffer.from(file.text)], { signal })
  const begun = performance.now()
  const { build } = of.image.launch
  if (build) {
    const request = { ...requestOf(of, file.name), argv: argvOf(build, file.name) }
    await exec(session, { ...request, run: randomUUID(), tag: 'build', keep_ms: 0 }, signal)
    await follow(session, () => Promise.resolve(), signal)
  }
  await exec(session, { ...requestOf(of, file.name), run: randomUUID(), tag: 'program', keep_ms: 0 }, signal)
  let ms: number | undefined
  const onChunk = ({ stream }: Chunk) => {
    if (stream === 'stdout') ms ??= performance.now() - begun
    return Promise.resolve()
  }
  await follow(session, onChunk, signal)
  return ms ?? NaN
}

/** A program in a new interpreter, though one waits: a variable that it reads at its start keeps that one from being used. */
export function requestOf(of: VmClass, name: string) {
  const env = {
    HOME: '/home/vulcan',
    LANG: 'C.UTF-8',
    NODE_NO_WARNINGS: '1',
    PYTHONNODEBUGRANGES: '',
    ...of.image.launch.env,
  }
  const limits = { memory_bytes: 256 << 20, pids: 256, cpu_quota_us: 100_000, stdin: false }
  return { argv: argvOf(of.image.launch.run, name), env, ...limits }
}

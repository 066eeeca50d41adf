/** A dry run in a vm that is to wait: it touches the pages that a start touches. */
import type { Image } from '../images/images.ts'
import type { Session } from './agent.ts'
import { shortestOf, warmOf } from './launch.ts'
import { type Begun, exec, type ExecRequest, follow } from './program.ts'

/** What is put into the guest, and taken out by the program. */
const file = 'rehearsal'

const request = {
  argv: ['rm', file],
  env: { PATH: '/usr/bin:/bin' },
  memory_bytes: 64 << 20,
  pids: 16,
  cpu_quota_us: 100_000,
  stdin: false,
  rehearsal: true,
} as const

/**
 * Rejects when the guest cannot run a program. A runtime that builds its programs builds one of ours, since most of what a
 * compiler and a linker touch nothing else does; of that the build cache alone keeps something, and nothing of a tenant.
 */
export async function rehearse(
  session: Session,
  { image, memMib, signal }: { image: Image; memMib: number; signal: AbortSignal },
): Promise<void> {
  const building = image.launch.build && warmOf(image, memMib)
  if (building) await perform(session, { ...building, rehearsal: true }, signal)
  await smallest(session, signal)
}

/** A rehearsal without a build, then the runtime's shortest program in the interpreter that waits, where one does. Rejects when that cannot be. */
export async function tryOut(
  session: Session,
  { image, memMib, signal }: { image: Image; memMib: number; signal: AbortSignal },
): Promise<void> {
  const shortest = shortestOf(image, memMib)
  await smallest(session, signal)
  if (!shortest) return
  await session.upload({ op: 'write', path: shortest.file, mode: 0o644 }, [], { signal })
  const { warm, cold = 'none waited' } = await perform(session, shortest.request, signal)
  if (!warm) throw new Error(`the interpreter that waits did not become ${shortest.request.argv.join(' ')}: ${cold}`)
}

async function smallest(session: Session, signal: AbortSignal): Promise<void> {
  await session.upload({ op: 'write', path: file, mode: 0o644 }, [Buffer.from('nothing\n')], { signal })
  await perform(session, request, signal)
}

/** Resolves at its end. */
async function perform(session: Session, what: ExecRequest, signal: AbortSignal): Promise<Begun> {
  const begun = await exec(session, { ...what, run: 'rehearsal', tag: 'program', keep_ms: 0 }, signal)
  const { ended } = await follow(session, () => Promise.resolve(), signal)
  if (ended.code !== 0) throw new Error(`the rehearsal, ${what.argv.join(' ')}, ended with ${JSON.stringify(ended)}`)
  return begun
}

/** A dry run in a vm that is to wait: it touches the pages that a start touches, and leaves nothing. */
import type { Session } from './agent.ts'
import { exec, follow } from './program.ts'

/** What is put into the guest, and taken out by the program. */
const file = 'rehearsal'

const request = {
  argv: ['rm', file],
  env: { PATH: '/usr/bin:/bin' },
  memory_bytes: 64 << 20,
  pids: 16,
  cpu_quota_us: 100_000,
  stdin: false,
  run: 'rehearsal',
  tag: 'program',
  keep_ms: 0,
  rehearsal: true,
} as const

/** Rejects when the guest cannot run a program. */
export async function rehearse(session: Session, signal: AbortSignal): Promise<void> {
  await session.upload({ op: 'write', path: file, mode: 0o644 }, [Buffer.from('nothing\n')], signal)
  await exec(session, request, signal)
  const { ended } = await follow(session, () => Promise.resolve(), signal)
  if (ended.code !== 0) throw new Error(`the rehearsal ended with ${JSON.stringify(ended)}`)
}

/** For tests: a guest that plays a script, and what a run of Firecracker's is made of around it. */
import type { Socket } from 'node:net'
import type { Chunk, Run } from '../backend/backend.ts'
import { testSpec } from '../backend/testing.ts'
import type { Frame } from '../base/frames.ts'
import { Scope } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import { Session } from './agent.ts'
import { JailedProcess } from './jailer.ts'
import { namesOf } from './names.ts'
import { Phases } from './phases.ts'
import type { RunParts } from './run.ts'
import { control, hello, usage, withGuest } from './testing.ts'
import { dial } from './vsock.ts'

/** Files share modules: a signal made once would be over for the later ones. */
export const soon = () => AbortSignal.timeout(20_000)

export const spec = testSpec()
const ended = { op: 'exit', oom: false, disk_full: false, result: 'none', wall_us: 1, usage }
export const exit = (code: number, wall_us = 1) => control({ ...ended, code, signal: null, wall_us })
export const exitBy = (signal: string) => control({ ...ended, code: null, signal })
export const known = {
  backend: 'firecracker',
  node: 'here',
  vmId: 'test-5f0a1b2c3d4e',
  start: 'boot',
  bootMs: 7,
  phasesMs: { boot: 7 },
  vsock: { status: 'connected', rttUs: 5 },
} as const

export interface Played {
  /** Control that came, but for the exec and attach that began it. */
  readonly heard: Record<string, unknown>[]
  readonly stdin: string[]
  readonly scope: Scope
  /** How often the vm was let go of. */
  readonly forgotten: () => number
  readonly parts: RunParts
  readonly session: Session
}

/** A guest that answers exec and attach, and plays the rest by the script. */
export async function play(
  script: (message: Readonly<Record<string, unknown>>, socket: Socket) => void,
  body: (played: Played) => Promise<void>,
  build?: readonly string[],
): Promise<void> {
  const heard: Record<string, unknown>[] = []
  const stdin: string[] = []
  const onFrame = (socket: Socket, frame: Frame) => {
    if (frame.type === 'control') {
      heard.push(frame.message)
      script(frame.message, socket)
    } else if (frame.type === 'data') stdin.push(Buffer.from(frame.data).toString())
    else script({ op: 'end of input' }, socket)
  }
  const guest = {
    connected: (socket: Socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello])),
    frame: onFrame,
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, soon()), soon())
    const names = namesOf({ instance: 'test', home: '/nowhere' }, 'test-5f0a1b2c3d4e')
    const scope = new Scope('vm')
    const launch = { run: ['python3', '{entry}'], env: {}, ...(build && { build }) }
    const image = { rootfs: '/nowhere', digest: 'x', launch } as unknown as Image
    const phases = new Phases()
    let forgotten = 0
    const vm = {
      names,
      process: JailedProcess.adopt(names),
      forget: () => void (forgotten += 1),
      noteKill: () => Promise.resolve(),
    }
    await body({
      ...{ heard, stdin, scope, session },
      forgotten: () => forgotten,
      parts: { spec, image, scope, vm, session, phases, known },
    })
    session.close()
  })
}

export async function textOf(run: Run, onChunk?: (chunk: Chunk) => void): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of run.output) {
    parts.push(chunk.data)
    onChunk?.(chunk)
  }
  return Buffer.concat(parts).toString()
}

import type { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Chunk, Recovery, Run, RunSpec } from '../backend/backend.ts'
import type { Frame } from '../base/frames.ts'
import { Scope } from '../base/scope.ts'
import { sleep } from '../base/time.ts'
import type { Image } from '../images/images.ts'
import { Session } from './agent.ts'
import { JailedProcess } from './jailer.ts'
import { namesOf } from './names.ts'
import { testSpec } from '../backend/testing.ts'
import { Books } from './network/watch.ts'
import { Phases } from './phases.ts'
import { attach } from './program.ts'
import { FirecrackerRun, type RunParts } from './run.ts'
import type { Attached } from './said.ts'
import { control, data, hello, withGuest } from './testing.ts'
import { dial } from './vsock.ts'

const signal = AbortSignal.timeout(20_000)

const spec = testSpec()
const usage = {
  cpu_us: 1,
  peak_mem_bytes: 1,
  throttled_us: 0,
  disk_written_bytes: 0,
  net_rx_bytes: 0,
  net_tx_bytes: 0,
}
const exit = (code: number) =>
  control({ op: 'exit', code, signal: null, oom: false, disk_full: false, result: 'none', wall_us: 1, usage })
const known = {
  backend: 'firecracker',
  node: 'here',
  vmId: 'test-5f0a1b2c3d4e',
  start: 'boot',
  bootMs: 7,
  phasesMs: { boot: 7 },
  vsock: { status: 'connected', rttUs: 5 },
} as const

interface Played {
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
async function play(
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
    const session = await Session.open(await dial(path, 1024, signal), signal)
    const names = namesOf({ instance: 'test', home: '/nowhere' }, 'test-5f0a1b2c3d4e')
    const scope = new Scope('vm')
    const launch = { run: ['python3', '{entry}'], env: {}, ...(build && { build }) }
    const image = { rootfs: '/nowhere', digest: 'x', launch } as unknown as Image
    const phases = new Phases()
    let forgotten = 0
    const vm = { names, process: JailedProcess.adopt(names), forget: () => void (forgotten += 1) }
    await body({
      forgotten: () => forgotten,
      heard,
      stdin,
      scope,
      session,
      parts: { spec, image, scope, vm, session, phases, known },
    })
    session.close()
  })
}

const attachedTo = (more: Partial<Attached>) =>
  control({ op: 'attached', tag: 'program', stdin_bytes: 0, stdin_ended: true, wall_us: 1000, ended: false, ...more })

async function resume({ parts, session }: Played, recovery: Partial<Recovery> = {}, more: Partial<RunSpec> = {}) {
  const whole: Recovery = { seen: { stdout: 3, stderr: 1 }, startedAt: Date.now(), facts: known, ...recovery }
  const attached = await attach(session, spec.id, { seen: whole.seen, signal })
  return FirecrackerRun.resume({ ...parts, spec: { ...spec, ...more } }, attached, whole)
}

async function textOf(run: Run, onChunk?: (chunk: Chunk) => void): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of run.output) {
    parts.push(chunk.data)
    onChunk?.(chunk)
  }
  return Buffer.concat(parts).toString()
}

test('a program is kept by the guest, and its output acknowledged now and then, not for every chunk', async () => {
  const piece = Buffer.alloc(100 << 10, 'x')
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] !== 'exec') return
    const output = Array.from({ length: 8 }, () => data(2, piece))
    socket.write(Buffer.concat([control({ op: 'started', pid: 2 }), ...output, exit(0)]))
  }
  await play(script, async ({ heard, parts }) => {
    const run = await FirecrackerRun.start(parts, signal)
    let stdout = 0
    await textOf(run, ({ data }) => run.acknowledge({ stdout: (stdout += data.length), stderr: 0 }))
    expect((await run.exited).code).toBe(0)
    await run[Symbol.asyncDispose]()
    expect(heard[0]).toMatchObject({ op: 'exec', run: spec.id, tag: 'program', keep_ms: 600_000 })
    expect(heard.slice(1)).toEqual([300, 600].map((kib) => ({ op: 'ack', stdout: kib << 10, stderr: 0 })))
  })
})

test('the firewall is looked at a last time after the program, before anybody is told its end', async () => {
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] === 'exec') socket.write(Buffer.concat([control({ op: 'started', pid: 2 }), exit(0)]))
  }
  const denial = { address: '10.1.2.3', port: 80, protocol: 'tcp', rule: 'private', count: 1, firstAt: 1 } as const
  await play(script, async ({ parts }) => {
    const looked = Promise.withResolvers<void>()
    const read = async () => {
      await looked.promise
      return new Map([['10.88.0.5', { known: [denial], others: 2 }]])
    }
    const books = new Books({ read, everyMs: 600_000, onTrouble: (error) => expect.fail(String(error)) })
    const run = await FirecrackerRun.start({ ...parts, book: books.watch('10.88.0.5') }, signal)
    let ended = false
    void run.exited.then(() => (ended = true))
    expect([ended, run.facts().denials]).toEqual([false, undefined])
    looked.resolve()
    expect(await textOf(run)).toBe('')
    expect((await run.exited).code).toBe(0)
    expect(run.facts().denials).toEqual({ known: [denial], others: 2 })
    const told: unknown[] = []
    for await (const news of run.denied) told.push(news)
    expect(told).toEqual([denial])
    await run[Symbol.asyncDispose]()
  })
})

test('output that comes a byte at a time waits in the guest, not here, and none of it is lost', async () => {
  const bytes = 200_000
  const frame = data(2, 'x')
  let taken = false
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] !== 'exec') return
    const flood = Buffer.concat(Array.from({ length: bytes }, () => frame))
    socket.write(Buffer.concat([control({ op: 'started', pid: 2 }), flood, exit(0)]), () => (taken = true))
  }
  await play(script, async ({ parts }) => {
    const run = await FirecrackerRun.start(parts, signal)
    // However long nobody reads.
    await sleep(2000)
    expect(taken).toBe(false)
    expect((await textOf(run)).length).toBe(bytes)
    expect((await run.exited).code).toBe(0)
  })
})

test('a run let go of closes its session and nothing else: its vm lives, and its end stays open', async () => {
  const closed = Promise.withResolvers<void>()
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] !== 'exec') return
    socket.once('close', () => closed.resolve())
    socket.write(Buffer.concat([control({ op: 'started', pid: 2 }), data(2, 'up\n')]))
  }
  await play(script, async ({ heard, parts, scope, forgotten }) => {
    const run = await FirecrackerRun.start(parts, signal)
    const text = textOf(run)
    await run.release()
    expect('up\n'.startsWith(await text)).toBe(true)
    await closed.promise
    run.kill('killed')
    await run[Symbol.asyncDispose]()
    expect(await run.gone).toBe('released')
    expect(await Promise.race([run.exited, Promise.resolve('open')])).toBe('open')
    expect([scope.closed, forgotten()]).toEqual([false, 1])
    expect(heard.map((message) => message['op'])).toEqual(['exec'])
  })
})

test('a run taken up goes on behind what was seen: the rest of its output, of its input, its end', async () => {
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    const answer = attachedTo({ stdin_bytes: 2, stdin_ended: false, wall_us: 40_000 })
    if (message['op'] === 'attach') socket.write(answer)
    if (message['op'] === 'end of input') socket.write(Buffer.concat([data(2, 'the rest'), exit(4)]))
  }
  await play(script, async (played) => {
    const run = await resume(played, {}, { stdin: Buffer.from('typed') })
    expect(await textOf(run)).toBe('the rest')
    expect(await run.exited).toMatchObject({ by: 'program', code: 4 })
    expect(played.heard).toEqual([{ op: 'attach', run: spec.id, stdout: 3, stderr: 1 }])
    expect(played.stdin).toEqual(['ped'])
    expect(run.facts()).toMatchObject({ ...known, phasesMs: {}, vsock: { status: 'closed', rttUs: 5 } })
    expect(run.facts().phasesMs['program']).toBeGreaterThanOrEqual(40)
    await run[Symbol.asyncDispose]()
    expect(played.scope.closed).toBe(true)
  })
})

test('a build taken up is followed by its program, in the same run', async () => {
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] === 'attach')
      socket.write(Buffer.concat([attachedTo({ tag: 'build' }), data(2, 'built '), exit(0)]))
    if (message['op'] === 'exec')
      socket.write(Buffer.concat([control({ op: 'started', pid: 3 }), data(2, 'ran'), exit(0)]))
  }
  await play(
    script,
    async (played) => {
      const run = await resume(played)
      expect(await textOf(run)).toBe('built ran')
      expect((await run.exited).code).toBe(0)
      expect(played.heard[1]).toMatchObject({ op: 'exec', run: spec.id, tag: 'program', argv: ['python3', 'main.py'] })
      expect(Object.keys(run.facts().phasesMs)).toEqual(['build', 'program'])
    },
    ['go', 'build'],
  )
})

test('a guest that built a program and then does not start it is lost, not waited for', async () => {
  const asked = Promise.withResolvers<void>()
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] === 'attach') socket.write(Buffer.concat([attachedTo({ tag: 'build' }), exit(0)]))
    if (message['op'] === 'exec') asked.resolve()
  }
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  await play(
    script,
    async (played) => {
      const run = await resume(played)
      await asked.promise
      vi.advanceTimersByTime(60_000)
      expect(await run.exited).toMatchObject({
        by: 'vm_lost',
        message: expect.stringContaining('the start of the program in the guest: not done after 60000 ms') as string,
      })
    },
    ['go', 'build'],
  )
})

test('a run taken up after its time is killed for it; one that had ended by then tells its end', async () => {
  const longAgo = { startedAt: Date.now() - 90_000 }
  const killed = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] === 'attach') socket.write(attachedTo({}))
    if (message['op'] === 'kill') socket.write(exit(1))
  }
  await play(killed, async (played) => expect((await (await resume(played, longAgo)).exited).by).toBe('timeout'))
  const over = (message: Readonly<Record<string, unknown>>, socket: Socket) =>
    message['op'] === 'attach' && socket.write(Buffer.concat([attachedTo({ ended: true }), exit(0)]))
  await play(over, async (played) => expect((await (await resume(played, longAgo)).exited).by).toBe('program'))
})

import { beforeEach, expect, test } from 'vitest'
import { VulcanError } from '../api/errors.ts'
import { Session, SessionLost } from './agent.ts'
import { exec, follow } from './program.ts'
import { control, data, type Guest, hello, withGuest, usage } from './testing.ts'
import { dial } from './vsock.ts'

/** Of one test: a million frames take their time on a host that is busy. */
let signal: AbortSignal
beforeEach(() => {
  signal = AbortSignal.timeout(100_000)
})

test('bytes that arrive in one packet with OK belong to the session', async () => {
  const guest: Guest = {
    connected(socket, line) {
      expect(line).toBe('CONNECT 1024\n')
      socket.write(Buffer.concat([Buffer.from('OK 1073741824\n'), hello]))
    },
    frame: (socket, frame) =>
      frame.type === 'control' && socket.write(control({ op: 'ok', echo: frame.message['op'] })),
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, signal), signal)
    expect(await session.request({ op: 'ping' }, signal)).toEqual({ op: 'ok', echo: 'ping' })
    session.close()
  })
})

test('nobody listening in the guest is an error that says so', async () => {
  await withGuest({ connected: (socket) => socket.end() }, async (path) => {
    await expect(dial(path, 1024, signal)).rejects.toThrow(/closed without an answer/)
  })
})

test('an end of file before the hello is a lost session, to be dialed again', async () => {
  await withGuest({ connected: (socket) => socket.end('OK 1\n') }, async (path) => {
    await expect(Session.open(await dial(path, 1024, signal), signal)).rejects.toBeInstanceOf(SessionLost)
  })
})

test('a refusal of the guest keeps its code, step and words', async () => {
  const refusal = { op: 'error', code: 'archive_unsafe', step: 'unpack', message: '../evil leaves the tree' }
  const guest: Guest = {
    connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello])),
    frame: (socket, frame) => frame.type === 'end' && socket.write(control(refusal)),
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, signal), signal)
    const error: unknown = await session
      .upload({ op: 'unpack' }, [Buffer.from('x')], { signal })
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(VulcanError)
    expect(error).toMatchObject({ code: 'archive_unsafe', step: 'unpack' })
    expect((error as Error).message).toContain('../evil leaves the tree')
    session.close()
  })
})

test('a program’s output is handed on in order, then its end with its result', async () => {
  const exit = { op: 'exit', code: 0, signal: null, oom: false, disk_full: false, result: 'sent', wall_us: 1, usage }
  const guest: Guest = {
    connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello])),
    frame(socket, frame) {
      if (frame.type !== 'control') return
      const frames = [control({ op: 'started', pid: 1 }), data(2, 'one'), data(3, 'two'), data(2, 'three')]
      socket.write(Buffer.concat([...frames, data(5, '{"a":1}'), control(exit)]))
    },
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, signal), signal)
    const request = { argv: ['x'], env: {}, memory_bytes: 1, pids: 1, cpu_quota_us: 1, stdin: false }
    const keep = { run: 'r', tag: 'program', keep_ms: 1 } as const
    await exec(session, { ...request, ...keep }, signal)
    const seen: string[] = []
    const told = await follow(
      session,
      (chunk) => Promise.resolve(void seen.push(`${chunk.stream}:${Buffer.from(chunk.data).toString()}`)),
      signal,
    )
    expect(seen).toEqual(['stdout:one', 'stderr:two', 'stdout:three'])
    expect(told.ended).toMatchObject({ code: 0 })
    expect(Buffer.from(told.result ?? []).toString()).toBe('{"a":1}')
    session.close()
  })
})

test('a connection cut in the middle of a program is a lost session', async () => {
  const guest: Guest = {
    connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello])),
    frame: (socket) => socket.end(data(2, 'half').subarray(0, 10)),
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, signal), signal)
    session.send({ op: 'exec' })
    await expect(follow(session, () => Promise.resolve(), signal)).rejects.toBeInstanceOf(SessionLost)
  })
})

test('a result that is larger than it may be ends the session, also where it comes a byte at a time', async () => {
  const byte = data(5, 'x')
  const flood = Buffer.alloc(byte.length * ((1 << 20) + 1))
  for (let at = 0; at < flood.length; at += byte.length) flood.set(byte, at)
  const guest: Guest = {
    connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello, flood])),
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, signal), signal)
    await expect(follow(session, () => Promise.resolve(), signal)).rejects.toThrow('a larger result than it may')
    session.close()
  })
}, 120_000)

test('a guest that sends what is neither output nor an end, without end, ends the session', async () => {
  const [nothing, input] = [control({}), data(1, 'x')]
  const talk = async (frames: readonly Buffer[]) => {
    const guest: Guest = {
      connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello, ...frames])),
    }
    return withGuest(guest, async (path) => {
      const session = await Session.open(await dial(path, 1024, signal), signal)
      const told = await follow(session, () => Promise.resolve(), signal).catch((error: unknown) => String(error))
      session.close()
      return told
    })
  }
  const exit = control({
    op: 'exit',
    code: 0,
    signal: null,
    oom: false,
    disk_full: false,
    result: 'none',
    wall_us: 1,
    usage,
  })
  const few = Array.from({ length: 32 }, () => [nothing, input, data(2, 'out')]).flat()
  expect(await talk([...few, exit])).toMatchObject({ ended: { code: 0 } })
  expect(await talk([...few, nothing, exit])).toContain('neither output nor an end')
})

test('an exit that is none ends the session', async () => {
  const guest: Guest = {
    connected: (socket) =>
      socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello, control({ op: 'exit', code: 'no' })])),
  }
  await withGuest(guest, async (path) => {
    const session = await Session.open(await dial(path, 1024, signal), signal)
    await expect(follow(session, () => Promise.resolve(), signal)).rejects.toThrow('exit is not well-formed')
    session.close()
  })
})

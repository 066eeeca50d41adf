/** A guest that stops answering is given up after a minute, and one that only has nothing to say never is. */
import type { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { exit, play, soon, spec, textOf } from './playing.ts'
import { attach } from './program.ts'
import { FirecrackerRun } from './run.ts'
import { control, data } from './testing.ts'

type Message = Readonly<Record<string, unknown>>
const started = control({ op: 'started', pid: 2 })

/** Sees ten seconds pass, and lets what was sent in them arrive. */
async function tenSeconds(): Promise<void> {
  vi.advanceTimersByTime(10_000)
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
}

const patient = { ...spec, resources: { ...spec.resources, timeoutMs: 3_600_000 } }

test('a guest that stops answering is lost after a minute, and the record says so', async () => {
  fakeTime()
  const script = (message: Message, socket: Socket) =>
    message['op'] === 'exec' && socket.write(Buffer.concat([started, data(2, 'last words')]))
  await play(script, async ({ heard, parts }) => {
    const run = await FirecrackerRun.start({ ...parts, spec: patient }, soon())
    const text = textOf(run)
    let ended = false
    void run.exited.then(() => (ended = true))
    for (let tens = 0; tens < 5; tens++) await tenSeconds()
    expect(ended).toBe(false)
    // The first words may come behind the first look, or the second.
    for (let tens = 0; tens < 3; tens++) await tenSeconds()
    expect(await run.exited).toMatchObject({
      by: 'vm_lost',
      message: expect.stringContaining('it has answered nothing for 60 s') as string,
    })
    expect(await text).toBe('last words')
    expect(heard.filter(({ op }) => op === 'ping')).toHaveLength(5)
  })
})

test('a program may be silent for hours, and the answers to pings are nobody else’s', async () => {
  fakeTime()
  let execs = 0
  const script = (message: Message, socket: Socket) => {
    if (message['op'] === 'exec') socket.write((execs += 1) === 1 ? started : Buffer.concat([started, exit(7)]))
    if (message['op'] === 'ping') socket.write(control({ op: 'ok' }))
    // The build ends with an answer still on its way, which comes when the program is asked for.
    if (message['op'] === 'kill') socket.write(exit(0))
  }
  await play(
    script,
    async ({ parts, session, heard }) => {
      const run = await FirecrackerRun.start({ ...parts, spec: patient }, soon())
      for (let tens = 0; tens < 25; tens++) await tenSeconds()
      session.ping()
      session.send({ op: 'kill', signal: 'SIGKILL' })
      expect(await textOf(run)).toBe('')
      // Each took a microsecond.
      expect(await run.exited).toMatchObject({ by: 'program', code: 7, usage: { cpuMs: 0.002 } })
      expect(heard.filter(({ op }) => op === 'ping').length).toBeGreaterThan(10)
    },
    ['go', 'build'],
  )
})

test('output that nobody takes is no silence of the guest', async () => {
  fakeTime()
  const script = (message: Message, socket: Socket) => {
    if (message['op'] !== 'exec') return
    const pieces = Array.from({ length: 3 }, () => data(2, Buffer.alloc(1 << 20, 'x')))
    socket.write(Buffer.concat([started, ...pieces, exit(0)]))
  }
  await play(script, async ({ heard, parts }) => {
    const run = await FirecrackerRun.start({ ...parts, spec: patient }, soon())
    for (let tens = 0; tens < 12; tens++) await tenSeconds()
    expect((await textOf(run)).length).toBe(3 << 20)
    expect(await run.exited).toMatchObject({ by: 'program', code: 0 })
    expect(heard.filter(({ op }) => op === 'ping').length).toBeLessThan(5)
  })
})

test('a guest that has not taken its program’s input yet has no ping to answer: it is behind that', async () => {
  fakeTime()
  const script = (message: Message, socket: Socket) => {
    if (message['op'] === 'exec') {
      socket.write(started)
      socket.pause()
      setTimeout(() => socket.resume(), 120_000)
    }
    if (message['op'] === 'end of input') socket.write(exit(7))
  }
  await play(script, async ({ parts }) => {
    const stdin = Buffer.alloc(8 << 20)
    const run = await FirecrackerRun.start({ ...parts, spec: { ...patient, stdin } }, soon())
    for (let tens = 0; tens < 12; tens++) await tenSeconds()
    expect(await textOf(run)).toBe('')
    expect(await run.exited).toMatchObject({ by: 'program', code: 7 })
  })
})

test('one that takes it late, and then has nothing to say, answers pings as any other', async () => {
  fakeTime()
  const script = (message: Message, socket: Socket) => {
    if (message['op'] === 'ping') socket.write(control({ op: 'ok' }))
    if (message['op'] === 'kill') socket.write(exit(0))
    if (message['op'] !== 'exec') return
    socket.write(started)
    socket.pause()
    setTimeout(() => socket.resume(), 300_000)
  }
  await play(script, async ({ parts, session, heard }) => {
    const run = await FirecrackerRun.start({ ...parts, spec: { ...patient, stdin: Buffer.alloc(8 << 20) } }, soon())
    for (let tens = 0; tens < 45; tens++) await tenSeconds()
    expect(heard.filter(({ op }) => op === 'ping').length).toBeGreaterThan(2)
    session.send({ op: 'kill', signal: 'SIGKILL' })
    expect(await run.exited).toMatchObject({ by: 'program', code: 0 })
  })
})

test('one that never takes it is lost after ten minutes', async () => {
  fakeTime()
  const script = (message: Message, socket: Socket) => {
    if (message['op'] !== 'exec') return
    socket.write(started)
    socket.pause()
  }
  await play(script, async ({ parts, heard }) => {
    const run = await FirecrackerRun.start({ ...parts, spec: { ...patient, stdin: Buffer.alloc(8 << 20) } }, soon())
    for (let tens = 0; tens < 64; tens++) await tenSeconds()
    expect((await run.exited).message).toContain('it has answered nothing for 610 s')
    expect(heard.filter(({ op }) => op === 'ping')).toEqual([])
  })
})

test('a program taken up after its end whose last words do not come is lost: it did not overstay', async () => {
  fakeTime()
  const attached = { op: 'attached', tag: 'program', stdin_bytes: 0, stdin_ended: true, wall_us: 1000, ended: true }
  const script = (message: Message, socket: Socket) => {
    if (message['op'] === 'attach') socket.write(control(attached))
    if (message['op'] === 'ping') socket.write(control({ op: 'ok' }))
  }
  await play(script, async ({ parts, session }) => {
    const seen = { stdout: 0, stderr: 0 }
    const answer = await attach(session, spec.id, { seen, signal: soon() })
    const run = FirecrackerRun.resume(parts, answer, { seen, sinceStartMs: 0 })
    for (let tens = 0; tens < 12; tens++) await tenSeconds()
    expect(await run.exited).toMatchObject({
      by: 'vm_lost',
      message: expect.stringContaining('its last words did not come in 120 s') as string,
    })
  })
})

test('a guest that does not answer a kill is told as what it was killed for, and that it did not answer', async () => {
  fakeTime()
  const script = (message: Message, socket: Socket) => message['op'] === 'exec' && socket.write(started)
  await play(script, async ({ parts }) => {
    const run = await FirecrackerRun.start(parts, soon())
    run.kill('timeout')
    await tenSeconds()
    expect(await run.exited).toMatchObject({
      by: 'timeout',
      message: expect.stringMatching(/still running after .* Its microVM did not answer/) as string,
    })
  })
})

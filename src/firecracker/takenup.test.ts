/** Runs that an earlier server had started, taken up by the next. */
import type { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { KillReason, Recovery, RunSpec } from '../backend/backend.ts'
import { exit, exitBy, known, play, type Played, soon, spec, textOf } from './playing.ts'
import { attach } from './program.ts'
import { FirecrackerRun } from './run.ts'
import type { Attached } from './said.ts'
import { control, data } from './testing.ts'

const attachedTo = (more: Partial<Attached>) =>
  control({ op: 'attached', tag: 'program', stdin_bytes: 0, stdin_ended: true, wall_us: 1000, ended: false, ...more })

async function resume(
  { parts, session }: Played,
  { killed, ...recovery }: Partial<Recovery> & { killed?: KillReason } = {},
  more: Partial<RunSpec> = {},
) {
  const whole: Recovery = { seen: { stdout: 3, stderr: 1 }, startedAt: Date.now(), facts: known, ...recovery }
  const attached = await attach(session, spec.id, { seen: whole.seen, signal: soon() })
  const { seen, startedAt } = whole
  const sinceStartMs = Date.now() - startedAt
  return FirecrackerRun.resume({ ...parts, spec: { ...spec, ...more } }, attached, { seen, sinceStartMs, killed })
}

test('a run taken up goes on behind what was seen: the rest of its output, of its input, its end', async () => {
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    const answer = attachedTo({ stdin_bytes: 2, stdin_ended: false, wall_us: 40_000 })
    if (message['op'] === 'attach') socket.write(answer)
    if (message['op'] === 'end of input') socket.write(Buffer.concat([data(2, 'the rest'), exit(4, 45_000)]))
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

test.each([
  ['had not heard of it', false],
  ['had died of it', true],
])(
  'a run that the server before was killing for its time, and whose program %s, ends by its time',
  async (_, ended) => {
    const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
      if (message['op'] === 'attach') socket.write(attachedTo({ ended }))
      if (message['op'] === 'kill') socket.write(exitBy('SIGKILL'))
    }
    await play(script, async (played) => {
      const run = await resume(played, { killed: 'timeout' })
      expect(await textOf(run)).toBe('')
      expect(await run.exited).toMatchObject({
        by: 'timeout',
        signal: 'SIGKILL',
        message: expect.stringMatching(/^killed: still running after/) as string,
      })
      expect(played.heard.map(({ op }) => op)).toEqual(['attach', 'kill'])
    })
  },
)

test('why a run is killed is noted before its program hears of it', async () => {
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] === 'attach') socket.write(attachedTo({}))
    if (message['op'] === 'kill') socket.write(exitBy('SIGKILL'))
  }
  await play(script, async (played) => {
    const [run, noted] = [await resume(played), Promise.withResolvers<void>()]
    const noteKill = vi.spyOn(played.parts.vm, 'noteKill').mockReturnValue(noted.promise)
    run.kill('output_limit')
    for (let n = 0; n < 20; n += 1) await new Promise(setImmediate)
    expect(noteKill).toHaveBeenCalledWith('output_limit')
    expect(played.heard.map(({ op }) => op)).not.toContain('kill')
    noted.resolve()
    expect(await run.exited).toMatchObject({ by: 'output_limit' })
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
      expect(Object.keys(run.facts().phasesMs)).toEqual(['build', 'program', 'collect'])
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

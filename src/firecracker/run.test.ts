/** Runs from their start to their end, or until they are let go of. */
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { sleep } from '../base/time.ts'
import { RefusalBooks } from './network/watch.ts'
import { exit, play, soon, spec, textOf } from './playing.ts'
import { FirecrackerRun } from './run.ts'
import { control, data } from './testing.ts'

test('a program is kept by the guest, and its output acknowledged now and then, not for every chunk', async () => {
  const piece = Buffer.alloc(100 << 10, 'x')
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] !== 'exec') return
    const output = Array.from({ length: 8 }, () => data(2, piece))
    socket.write(Buffer.concat([control({ op: 'started', pid: 2 }), ...output, exit(0)]))
  }
  await play(script, async ({ heard, parts }) => {
    const run = await FirecrackerRun.start(parts, soon())
    let stdout = 0
    await textOf(run, ({ data }) => run.acknowledge({ stdout: (stdout += data.length), stderr: 0 }))
    expect((await run.exited).code).toBe(0)
    await run[Symbol.asyncDispose]()
    expect(heard[0]).toMatchObject({ op: 'exec', run: spec.id, tag: 'program', keep_ms: 600_000 })
    expect(heard.slice(1)).toEqual([300, 600].map((kib) => ({ op: 'ack', stdout: kib << 10, stderr: 0 })))
  })
})

test('what comes behind the program’s end, by the guest’s clock, is no time of the program', async () => {
  const script = (message: Readonly<Record<string, unknown>>, socket: Socket) => {
    if (message['op'] !== 'exec') return
    socket.write(control({ op: 'started', pid: 2 }))
    setTimeout(() => socket.write(exit(0)), 200)
  }
  await play(script, async ({ parts }) => {
    const run = await FirecrackerRun.start(parts, soon())
    await run.exited
    const { program = NaN, collect = NaN } = run.facts().phasesMs
    expect(program).toBeLessThan(1)
    expect(collect).toBeGreaterThan(150)
    await run[Symbol.asyncDispose]()
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
    const books = new RefusalBooks({ read, everyMs: 600_000, onTrouble: (error) => expect.fail(String(error)) })
    const run = await FirecrackerRun.start({ ...parts, refusals: await books.watch('10.88.0.5') }, soon())
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
    const run = await FirecrackerRun.start(parts, soon())
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
    const run = await FirecrackerRun.start(parts, soon())
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

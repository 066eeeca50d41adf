/** What a later process makes of what an earlier one left, by a hand-over or by a crash: then it writes nothing any more. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as immediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeBackend } from '../backend/fake.ts'
import { readTo, server, soon, wholeLog } from './processes.ts'
import type { Scheduler } from './scheduler.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vulcan-recovery-'))
})
afterEach(() => rm(home, { recursive: true }))

const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`)
const talker = {
  runtime: 'python',
  code: lines.flatMap((line) => [`# fake: print ${line}`, '# fake: sleep 20']).join('\n'),
}

test('a run that is handed over goes on, with its output as if nothing had been', async () => {
  const backend = new FakeBackend()
  const first = await server(home, backend)
  const id = await first.scheduler.accept(talker)
  await readTo(first.scheduler, id, 'line 5\n')
  await first.scheduler.release()
  await first.crash()

  await using second = await server(home, backend)
  await second.scheduler.ended(id, soon())
  const whole = `${lines.join('\n')}\n`
  expect(await second.scheduler.record(id)).toMatchObject({ status: 'completed', stdout: whole, exit: { code: 0 } })
  expect(await wholeLog(second.scheduler, id)).toEqual({ output: whole, kinds: ['status', 'status', 'end'] })
})

test('what the network refused is in the log once, whichever process saw it, and in the record', async () => {
  const backend = new FakeBackend()
  const first = await server(home, backend)
  const deny = (port: number) => `# fake: deny private tcp 10.1.2.3 ${port}`
  const script = [deny(1), '# fake: print up', '# fake: sleep 300', deny(1), deny(2), deny(3), '# fake: print done']
  const id = await first.scheduler.accept({ runtime: 'python', code: script.join('\n') })
  for await (const { kind } of first.scheduler.events(id, 0, soon())) if (kind === 'denied') break
  await readTo(first.scheduler, id, 'up\n')
  await first.scheduler.release()
  await first.crash()

  await using second = await server(home, backend)
  await second.scheduler.ended(id, soon())
  const { kinds } = await wholeLog(second.scheduler, id)
  expect(kinds).toEqual(['status', 'status', 'denied', 'denied', 'denied', 'end'])
  const { run } = await second.scheduler.record(id)
  expect(run?.network?.denied.map(({ port, count }) => [port, count])).toEqual([
    [1, 2],
    [2, 1],
    [3, 1],
  ])
})

test('a run whose server crashed goes on too, and its result comes although it ended while nobody held it', async () => {
  const backend = new FakeBackend()
  const first = await server(home, backend)
  const code = '# fake: print up\n# fake: sleep 300\n# fake: result {"a": 1}\n# fake: print done\n# fake: exit 3'
  const id = await first.scheduler.accept({ runtime: 'python', code })
  await readTo(first.scheduler, id, 'up\n')
  await first.crash()
  await backend.live.get(id)?.program.exited

  await using second = await server(home, backend)
  await second.scheduler.ended(id, soon())
  const record = await second.scheduler.record(id)
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'program', code: 3 }, result: { a: 1 } })
  expect(record.stdout).toBe('up\ndone\n')
})

test.each([true, false])(
  'a run whose start was never noted goes on too and runs once; let go of before: %j',
  async (orderly) => {
    const backend = new FakeBackend()
    const executed = vi.spyOn(backend, 'execute')
    const first = await server(home, backend, { forgetful: true })
    const id = await first.scheduler.accept(talker)
    await readTo(first.scheduler, id, 'line 5\n')
    if (orderly) await first.scheduler.release()
    await first.crash()

    await using second = await server(home, backend)
    await second.scheduler.ended(id, soon())
    const whole = `${lines.join('\n')}\n`
    expect(await second.scheduler.record(id)).toMatchObject({ status: 'completed', stdout: whole, exit: { code: 0 } })
    expect(executed).toHaveBeenCalledTimes(1)
    expect(await wholeLog(second.scheduler, id)).toEqual({ output: whole, kinds: ['status', 'status', 'end'] })
  },
)

test('a run whose start was never noted, and that is let go of while it is recovered, goes on and runs once', async () => {
  const backend = new FakeBackend()
  const executed = vi.spyOn(backend, 'execute')
  const first = await server(home, backend, { forgetful: true })
  const id = await first.scheduler.accept(talker)
  await readTo(first.scheduler, id, 'line 5\n')
  await first.crash()

  const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const recover = backend.recover.bind(backend)
  backend.recover = async (...o) => {
    begun.resolve()
    await goOn.promise
    o[2].throwIfAborted()
    return recover(...o)
  }
  const opened = Promise.withResolvers<Scheduler>()
  const second = server(home, backend, { forgetful: true, onOpen: opened.resolve })
  const between = await opened.promise
  await begun.promise
  const released = between.release()
  // A turn later everything has been told of it.
  await immediate()
  goOn.resolve()
  await released
  await (await second).crash()

  await using third = await server(home, backend)
  await third.scheduler.ended(id, soon())
  const whole = `${lines.join('\n')}\n`
  expect(await third.scheduler.record(id)).toMatchObject({ status: 'completed', stdout: whole, exit: { code: 0 } })
  expect(executed).toHaveBeenCalledTimes(1)
})

test('what waited waits on and runs in the next process; what was starting when it was handed over waits again', async () => {
  const backend = new FakeBackend()
  const first = await server(home, backend, { vms: 1 })
  const starting = await first.scheduler.accept({ runtime: 'python', code: '# fake: start 2000\n# fake: print one' })
  const waiting = await first.scheduler.accept({ runtime: 'python', code: '# fake: print two' })
  await first.scheduler.release()
  expect(await first.scheduler.summary(starting)).toMatchObject({ status: 'pending', place: 1 })
  await first.crash()

  await using second = await server(home, backend)
  for (const id of [starting, waiting]) await second.scheduler.ended(id, soon())
  expect(await second.scheduler.record(starting)).toMatchObject({ status: 'completed', stdout: 'one\n' })
  expect(await second.scheduler.record(waiting)).toMatchObject({ status: 'completed', stdout: 'two\n' })
})

test('a record outlives its process, also where the crash came before the last event of its log', async () => {
  const backend = new FakeBackend()
  const first = await server(home, backend)
  const id = await first.scheduler.accept({ runtime: 'python', code: '# fake: print hello\n# fake: result [1]' })
  await first.scheduler.ended(id, soon())
  const record = await first.scheduler.record(id)
  await first.scheduler.release()
  await first.crash()
  await rm(join(home, 'runs', id, 'events.log'))
  await mkdir(join(home, 'runs', 'of-nobody'))

  await using second = await server(home, backend)
  expect(await second.scheduler.record(id)).toEqual(record)
  expect((await wholeLog(second.scheduler, id)).kinds).toEqual(['status', 'status', 'end'])
  expect(await readdir(join(home, 'runs'))).toEqual([id])
})

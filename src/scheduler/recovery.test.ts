/** What a later process makes of what an earlier one left, by a hand-over or by a crash: then it writes nothing any more. */
import { appendFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as immediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FakeBackend } from '../backend/fake.ts'
import { abortable } from '../base/time.ts'
import { Store } from '../store/store.ts'
import type { Entry } from './entries.ts'
import { Scheduler } from './scheduler.ts'
import { testSettings } from './testing.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vulcan-recovery-'))
})
afterEach(() => rm(home, { recursive: true }))

const soon = () => AbortSignal.timeout(15_000)
const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`)
const talker = {
  runtime: 'python',
  code: lines.flatMap((line) => [`# fake: print ${line}`, '# fake: sleep 20']).join('\n'),
}
const sleeper = { runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' }

interface Process extends AsyncDisposable {
  readonly scheduler: Scheduler
  /** The process is gone, as by kill -9: its store is closed under it, and its runs have lost whoever held them. */
  crash(): Promise<void>
}

async function server(
  backend: FakeBackend,
  more: { node?: string; vms?: number; forgetful?: boolean; onOpen?: (scheduler: Scheduler) => void } = {},
): Promise<Process> {
  const store = await Store.open(home)
  // A crash comes before the note of a start is on the disk.
  if (more.forgetful) store.started = () => Promise.withResolvers<boolean>().promise
  const scheduler = await Scheduler.open({
    ...testSettings,
    home,
    node: more.node ?? 'n',
    store,
    backend,
    capacity: { ...testSettings.capacity, ...(more.vms !== undefined && { vms: more.vms }) },
    pending: 30,
  })
  more.onOpen?.(scheduler)
  await scheduler.start()
  return {
    scheduler,
    async crash() {
      for (const { run } of backend.live.values()) run.letGo()
      await store[Symbol.asyncDispose]()
    },
    async [Symbol.asyncDispose]() {
      await scheduler[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

async function readTo(scheduler: Scheduler, id: string, word: string): Promise<void> {
  let seen = ''
  for await (const { kind, data } of scheduler.events(id, 0, soon())) {
    if (kind === 'stdout') seen += data.toString()
    if (seen.includes(word)) return
  }
}

async function wholeLog(scheduler: Scheduler, id: string) {
  let output = ''
  const ids: number[] = []
  const kinds: string[] = []
  for await (const entry of scheduler.events(id, 0, soon())) {
    ids.push(entry.id)
    if (entry.kind === 'stdout') output += entry.data.toString()
    else kinds.push(entry.kind)
  }
  expect(ids).toEqual(ids.map((_, at) => at + 1))
  return { output, kinds }
}

test('a run that is handed over goes on, with its output as if nothing had been', async () => {
  const backend = new FakeBackend()
  const first = await server(backend)
  const id = await first.scheduler.accept(talker)
  await readTo(first.scheduler, id, 'line 5\n')
  await first.scheduler.release()
  await first.crash()

  await using second = await server(backend)
  await second.scheduler.ended(id, soon())
  const whole = `${lines.join('\n')}\n`
  expect(await second.scheduler.record(id)).toMatchObject({ status: 'completed', stdout: whole, exit: { code: 0 } })
  expect(await wholeLog(second.scheduler, id)).toEqual({ output: whole, kinds: ['status', 'status', 'end'] })
})

test('what the network refused is in the log once, whichever process saw it, and in the record', async () => {
  const backend = new FakeBackend()
  const first = await server(backend)
  const deny = (port: number) => `# fake: deny private tcp 10.1.2.3 ${port}`
  const script = [deny(1), '# fake: print up', '# fake: sleep 300', deny(1), deny(2), deny(3), '# fake: print done']
  const id = await first.scheduler.accept({ runtime: 'python', code: script.join('\n') })
  for await (const { kind } of first.scheduler.events(id, 0, soon())) if (kind === 'denied') break
  await readTo(first.scheduler, id, 'up\n')
  await first.scheduler.release()
  await first.crash()

  await using second = await server(backend)
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
  const first = await server(backend)
  const code = '# fake: print up\n# fake: sleep 300\n# fake: result {"a": 1}\n# fake: print done\n# fake: exit 3'
  const id = await first.scheduler.accept({ runtime: 'python', code })
  await readTo(first.scheduler, id, 'up\n')
  await first.crash()
  await backend.live.get(id)?.program.exited

  await using second = await server(backend)
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
    const first = await server(backend, { forgetful: true })
    const id = await first.scheduler.accept(talker)
    await readTo(first.scheduler, id, 'line 5\n')
    if (orderly) await first.scheduler.release()
    await first.crash()

    await using second = await server(backend)
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
  const first = await server(backend, { forgetful: true })
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
  const second = server(backend, { forgetful: true, onOpen: opened.resolve })
  const between = await opened.promise
  await begun.promise
  const released = between.release()
  // A turn later everything has been told of it.
  await immediate()
  goOn.resolve()
  await released
  await (await second).crash()

  await using third = await server(backend)
  await third.scheduler.ended(id, soon())
  const whole = `${lines.join('\n')}\n`
  expect(await third.scheduler.record(id)).toMatchObject({ status: 'completed', stdout: whole, exit: { code: 0 } })
  expect(executed).toHaveBeenCalledTimes(1)
})

test('a run whose vm did not live on is failed by vm_lost, keeps the output it gave, and nothing runs twice', async () => {
  const first = await server(new FakeBackend())
  const id = await first.scheduler.accept(sleeper)
  await readTo(first.scheduler, id, 'up\n')
  await first.crash()
  await appendFile(join(home, 'runs', id, 'events.log'), Buffer.from([1, 0, 0, 0, 9, 65]))

  const fresh = new FakeBackend()
  await using second = await server(fresh)
  await second.scheduler.ended(id, soon())
  expect(await second.scheduler.record(id)).toMatchObject({
    status: 'failed',
    exit: { by: 'vm_lost', message: /did not live on/ },
    stdout: 'up\n',
  })
  expect((await wholeLog(second.scheduler, id)).kinds).toEqual(['status', 'status', 'end'])
  expect(fresh.live.size).toBe(0)
})

test('a run that had said nothing and is lost: whoever saw it running gets its end, once', async () => {
  const first = await server(new FakeBackend())
  const id = await first.scheduler.accept({ runtime: 'python', code: '# fake: sleep 600000' })
  for await (const event of first.scheduler.events(id, 0, soon())) if (event.id === 2) break
  await first.scheduler.release()
  await first.crash()

  await using second = await server(new FakeBackend())
  const rest: Entry[] = []
  for await (const entry of second.scheduler.events(id, 2, soon())) rest.push(entry)
  expect(rest.map(({ id: at, kind }) => [at, kind])).toEqual([[3, 'end']])
  expect((await wholeLog(second.scheduler, id)).kinds).toEqual(['status', 'status', 'end'])
  expect((await second.scheduler.summary(id)).exit?.by).toBe('vm_lost')
})

test('a run that is killed while it is recovered says so, and whoever saw it running gets its end, once', async () => {
  const first = await server(new FakeBackend(), { forgetful: true })
  const id = await first.scheduler.accept({ runtime: 'python', code: '# fake: sleep 600000' })
  for await (const event of first.scheduler.events(id, 0, soon())) if (event.id === 2) break
  await first.crash()

  const backend = new FakeBackend()
  const recovering = Promise.withResolvers<Scheduler>()
  backend.recover = (_spec, _from, signal) => abortable(Promise.withResolvers<undefined>().promise, signal)
  const opening = server(backend, { onOpen: recovering.resolve })
  const scheduler = await recovering.promise
  await scheduler.kill(id)
  const rest: Entry[] = []
  for await (const entry of scheduler.events(id, 2, soon())) rest.push(entry)
  await using second = await opening
  expect(rest.map(({ id: at, kind }) => [at, kind])).toEqual([[3, 'end']])
  expect((await wholeLog(second.scheduler, id)).kinds).toEqual(['status', 'status', 'end'])
  const exit = { by: 'killed', message: 'killed while the server took it over from an earlier one' }
  expect(await second.scheduler.summary(id)).toMatchObject({ status: 'killed', exit })
})

test('what waited waits on and runs in the next process; what was starting when it was handed over waits again', async () => {
  const backend = new FakeBackend()
  const first = await server(backend, { vms: 1 })
  const starting = await first.scheduler.accept({ runtime: 'python', code: '# fake: start 100\n# fake: print one' })
  const waiting = await first.scheduler.accept({ runtime: 'python', code: '# fake: print two' })
  await first.scheduler.release()
  expect(await first.scheduler.summary(starting)).toMatchObject({ status: 'pending', place: 1 })
  await first.crash()

  await using second = await server(backend)
  for (const id of [starting, waiting]) await second.scheduler.ended(id, soon())
  expect(await second.scheduler.record(starting)).toMatchObject({ status: 'completed', stdout: 'one\n' })
  expect(await second.scheduler.record(waiting)).toMatchObject({ status: 'completed', stdout: 'two\n' })
})

test('a record outlives its process, also where the crash came before the last event of its log', async () => {
  const backend = new FakeBackend()
  const first = await server(backend)
  const id = await first.scheduler.accept({ runtime: 'python', code: '# fake: print hello\n# fake: result [1]' })
  await first.scheduler.ended(id, soon())
  const record = await first.scheduler.record(id)
  await first.scheduler.release()
  await first.crash()
  await rm(join(home, 'runs', id, 'events.log'))
  await mkdir(join(home, 'runs', 'of-nobody'))

  await using second = await server(backend)
  expect(await second.scheduler.record(id)).toEqual(record)
  expect((await wholeLog(second.scheduler, id)).kinds).toEqual(['status', 'status', 'end'])
  expect(await readdir(join(home, 'runs'))).toEqual([id])
})

/** Runs that do not go on behind a crash: their vm is gone, or somebody wants their end. Each has one, and runs once. */
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeBackend } from '../backend/fake.ts'
import { abortable } from '../base/time.ts'
import type { Entry } from './entries.ts'
import { readTo, server, soon, wholeLog } from './processes.ts'
import type { Scheduler } from './scheduler.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'vulcan-recovery-'))
})
afterEach(() => rm(home, { recursive: true }))

const sleeper = { runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' }

test('a run whose vm did not live on is failed by vm_lost, keeps the output it gave, and nothing runs twice', async () => {
  const first = await server(home, new FakeBackend())
  const id = await first.scheduler.accept(sleeper)
  await readTo(first.scheduler, id, 'up\n')
  await first.crash()
  await appendFile(join(home, 'runs', id, 'events.log'), Buffer.from([1, 0, 0, 0, 9, 65]))

  const fresh = new FakeBackend()
  await using second = await server(home, fresh)
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
  const first = await server(home, new FakeBackend())
  const id = await first.scheduler.accept({ runtime: 'python', code: '# fake: sleep 600000' })
  for await (const event of first.scheduler.events(id, 0, soon())) if (event.id === 2) break
  await first.scheduler.release()
  await first.crash()

  await using second = await server(home, new FakeBackend())
  const rest: Entry[] = []
  for await (const entry of second.scheduler.events(id, 2, soon())) rest.push(entry)
  expect(rest.map(({ id: at, kind }) => [at, kind])).toEqual([[3, 'end']])
  expect((await wholeLog(second.scheduler, id)).kinds).toEqual(['status', 'status', 'end'])
  expect((await second.scheduler.summary(id)).exit?.by).toBe('vm_lost')
})

test('a run that is killed while it is recovered says so, and whoever saw it running gets its end, once', async () => {
  const first = await server(home, new FakeBackend(), { forgetful: true })
  const id = await first.scheduler.accept({ runtime: 'python', code: '# fake: sleep 600000' })
  for await (const event of first.scheduler.events(id, 0, soon())) if (event.id === 2) break
  await first.crash()

  const backend = new FakeBackend()
  const recovering = Promise.withResolvers<Scheduler>()
  backend.recover = (_spec, _from, signal) => abortable(Promise.withResolvers<undefined>().promise, signal)
  const opening = server(home, backend, { onOpen: recovering.resolve })
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

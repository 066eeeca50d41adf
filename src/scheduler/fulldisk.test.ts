/** A log whose disk is full takes an entry whole or not at all, and goes on when there is room again. On a real, small disk. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { run } from '../base/process.ts'
import type { Event } from './entries.ts'
import { EventLog } from './eventlog.ts'
import { Output } from './output.ts'

const page = 4096
const soon = () => AbortSignal.timeout(20_000)
const bytes = (text: string) => Buffer.from(text)
const pending: Event = { kind: 'status', data: bytes('pending') }
const end: Event = { kind: 'end', data: bytes('end') }

/** A file system of that many bytes, of which another file has all but so many. */
async function smallDisk(): Promise<{ folder: string; leave: (free: number) => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'vulcan-full-'))
  const size = 64 * page
  await run(['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'vulcan-full', folder])
  onTestFinished(async () => {
    await run(['umount', folder])
    await rm(folder, { recursive: true })
  })
  const other = join(folder, 'other')
  return {
    folder,
    leave: async (free) => {
      await truncate(other, 0).catch(() => undefined)
      await writeFile(other, Buffer.alloc(size - free)).catch(() => undefined)
    },
  }
}

async function textOf(log: EventLog): Promise<[number, string][]> {
  const found: [number, string][] = []
  for await (const { id, data } of log.read(0, soon())) found.push([id, Buffer.from(data).toString().slice(0, 9)])
  return found
}

test('an entry that fits in part is refused whole, and what follows is whole', async () => {
  const { folder, leave } = await smallDisk()
  const path = join(folder, 'run', 'events.log')
  const log = EventLog.waiting(path, pending)
  log.start()
  await log.append({ kind: 'stdout', data: bytes('first') })
  await leave(2 * page)
  // Longer than all that is free: the kernel takes what it can, and says nothing of the rest.
  await expect(log.append({ kind: 'stdout', data: Buffer.alloc(4 * page, 'x') })).rejects.toThrow(/ENOSPC/)
  await leave(32 * page)
  await log.append({ kind: 'stdout', data: bytes('second') })
  const due = [
    [1, 'pending'],
    [2, 'first'],
    [3, 'second'],
  ]
  await log.close()
  // As the next server finds it.
  const later = EventLog.waiting(path, pending)
  const restored: string[] = []
  await later.resume([pending], ({ data }) => restored.push(Buffer.from(data).toString()))
  expect(restored).toEqual(due.map(([, text]) => text))
  await later.end(end)
  expect(await textOf(await EventLog.ended(path, { early: [pending], last: end }))).toEqual([...due, [4, 'end']])
})

test('a log that could not be begun is begun anew, with what came before', async () => {
  const { folder, leave } = await smallDisk()
  const log = EventLog.waiting(join(folder, 'events.log'), { kind: 'status', data: Buffer.alloc(3 * page, 'p') })
  log.start()
  await leave(2 * page)
  await expect(log.append({ kind: 'stdout', data: bytes('lost') })).rejects.toThrow(/ENOSPC/)
  await leave(32 * page)
  await log.append({ kind: 'stdout', data: bytes('kept') })
  await log.end(end)
  expect(await textOf(log)).toEqual([
    [1, 'ppppppppp'],
    [2, 'kept'],
    [3, 'end'],
  ])
})

test('a record shows no more of the output than its log has', async () => {
  const { folder, leave } = await smallDisk()
  const log = EventLog.waiting(join(folder, 'events.log'), pending)
  log.start()
  const output = new Output(log, 1 << 20)
  await output.take({ stream: 'stdout', data: bytes('kept\n') })
  await leave(page)
  await expect(output.take({ stream: 'stdout', data: Buffer.alloc(3 * page, 'x') })).rejects.toThrow(/ENOSPC/)
  expect(output.excerpts.stdout.text()).toBe('kept\n')
  await log.close()
})

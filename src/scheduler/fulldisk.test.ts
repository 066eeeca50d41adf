/** A log whose disk is full takes an entry whole or not at all, and goes on when there is room again. On a real, small disk. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { page, SmallDisk } from '../base/smalldisk.ts'
import type { Event } from './entries.ts'
import { EventLog } from './eventlog.ts'
import { Output } from './output.ts'

const soon = () => AbortSignal.timeout(20_000)
const bytes = (text: string) => Buffer.from(text)
const pending: Event = { kind: 'status', data: bytes('pending') }
const end: Event = { kind: 'end', data: bytes('end') }

async function textOf(log: EventLog): Promise<[number, string][]> {
  const found: [number, string][] = []
  for await (const { id, data } of log.read(0, soon())) found.push([id, Buffer.from(data).toString().slice(0, 9)])
  return found
}

test('an entry that fits in part is refused whole, and what follows is whole', async () => {
  await using disk = await SmallDisk.make(64)
  const path = join(disk.folder, 'run', 'events.log')
  const log = EventLog.waiting(path, pending)
  log.start()
  await log.append({ kind: 'stdout', data: bytes('first') })
  await disk.leave(2)
  // Longer than all that is free: the kernel takes what it can, and says nothing of the rest.
  await expect(log.append({ kind: 'stdout', data: Buffer.alloc(4 * page, 'x') })).rejects.toThrow(/ENOSPC/)
  await disk.leave(32)
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
  await using disk = await SmallDisk.make(64)
  const log = EventLog.waiting(join(disk.folder, 'events.log'), { kind: 'status', data: Buffer.alloc(3 * page, 'p') })
  log.start()
  await disk.leave(2)
  await expect(log.append({ kind: 'stdout', data: bytes('lost') })).rejects.toThrow(/ENOSPC/)
  await disk.leave(32)
  await log.append({ kind: 'stdout', data: bytes('kept') })
  await log.end(end)
  expect(await textOf(log)).toEqual([
    [1, 'ppppppppp'],
    [2, 'kept'],
    [3, 'end'],
  ])
})

test('a record shows no more of the output than its log has', async () => {
  await using disk = await SmallDisk.make(64)
  const log = EventLog.waiting(join(disk.folder, 'events.log'), pending)
  log.start()
  const output = new Output(log, 1 << 20)
  await output.take({ stream: 'stdout', data: bytes('kept\n') })
  await disk.leave(1)
  await expect(output.take({ stream: 'stdout', data: Buffer.alloc(3 * page, 'x') })).rejects.toThrow(/ENOSPC/)
  expect(output.excerpts.stdout.text()).toBe('kept\n')
  await log.close()
})

test('who followed what a power cut took from the disk is told the end all the same', async () => {
  const running: Event = { kind: 'status', data: bytes('running') }
  const log = await EventLog.ended('/nowhere/events.log', { early: [pending, running], last: end })
  const after = async (id: number) => {
    const ids: number[] = []
    for await (const entry of log.read(id, soon())) ids.push(entry.id)
    return ids
  }
  expect(await after(0)).toEqual([1, 2, 3])
  expect(await after(3)).toEqual([])
  expect(await after(5)).toEqual([6])
})

/** For tests: server processes that follow one another on one home, and what their logs say. */
import { expect } from 'vitest'
import type { FakeBackend } from '../backend/fake.ts'
import { Store } from '../store/store.ts'
import { Scheduler } from './scheduler.ts'
import { testSettings } from './testing.ts'

export const soon = () => AbortSignal.timeout(15_000)

export interface Process extends AsyncDisposable {
  readonly scheduler: Scheduler
  /** The process is gone, as by kill -9: its store is closed under it, and its runs have lost whoever held them. */
  crash(): Promise<void>
}

export async function server(
  home: string,
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

export async function readTo(scheduler: Scheduler, id: string, word: string): Promise<void> {
  let seen = ''
  for await (const { kind, data } of scheduler.events(id, 0, soon())) {
    if (kind === 'stdout') seen += data.toString()
    if (seen.includes(word)) return
  }
}

export async function wholeLog(scheduler: Scheduler, id: string) {
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

/** Schedulers of tests: on the scripted backend, in a home of their own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { FakeBackend } from '../backend/fake.ts'
import { Store } from '../store/store.ts'
import type { SchedulerOptions } from './options.ts'
import { Scheduler } from './scheduler.ts'
import { testSettings } from './testing.ts'

export const soon = (): AbortSignal => AbortSignal.timeout(15_000)
export const sleeper = { runtime: 'python', code: '# fake: print up\n# fake: sleep 600000' } as const
export const capacity = { ...testSettings.capacity, vms: 2, starting: 2 }

export interface Opened {
  readonly scheduler: Scheduler
  readonly backend: FakeBackend
}

/** Schedulers on the scripted backend, in a home of its own for each test of a file. */
export function schedulers() {
  let home: string
  let stores: Store[]
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'vulcan-scheduler-'))
    stores = []
  })
  afterEach(async () => {
    for (const store of stores) await store[Symbol.asyncDispose]()
    await rm(home, { recursive: true })
  })

  async function open(more: Partial<SchedulerOptions> = {}): Promise<Opened> {
    const backend = new FakeBackend()
    const store = await Store.open(home)
    stores.push(store)
    const common = { ...testSettings, home, node: 'n', store, backend, capacity, pending: 3 }
    const scheduler = await Scheduler.open({ ...common, ...more })
    await scheduler.start()
    return { scheduler, backend: (more.backend as FakeBackend | undefined) ?? backend }
  }

  return { home: () => home, open }
}

/** Waits until the workload's log shows that its program runs. */
export async function running(scheduler: Scheduler, id: string): Promise<void> {
  for await (const { kind } of scheduler.events(id, 0, soon())) if (kind === 'stdout') return
}

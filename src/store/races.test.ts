/** The lease machine under every order of answers: nodes, a reaper and whoever kills do what they do at once. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderedId } from '../base/id.ts'
import type { Owned } from './leases.ts'
import { Store } from './store.ts'

const leaseMs = 30_000
const capacity = { vms: 3, starting: 2, cpus: 64, memMib: 1 << 20, overheadMib: 0 }
const row = { tenant: 't', runtime: 'python', isolation: 'microvm', priority: 0, cpus: 1, memMib: 64, createdAt: 0 }
const ended = { at: 1, record: '{}', given: '{}', bytes: 0, cpuMs: 0 } as const

/** What each did, by workload. */
interface Seen {
  /** Told to run it. */
  runs: number
  /** Had the last word accepted. */
  ends: number
  /** Of its newest owner. */
  fence: number
}

class Race {
  readonly #store: Store
  readonly #scheduler: fc.Scheduler
  readonly seen = new Map<string, Seen>()
  /** Each look at it is later; late enough in the end for every lease to be over. */
  #now = 0

  constructor(store: Store, scheduler: fc.Scheduler) {
    this.#store = store
    this.#scheduler = scheduler
  }

  /** A step whose turn the scheduler gives: between two of one actor any of the others' may come. */
  #step<T>(what: string, act: () => Promise<T>): Promise<T> {
    return this.#scheduler.schedule(Promise.resolve(), what).then(act)
  }

  async accept(): Promise<void> {
    const id = orderedId()
    this.seen.set(id, { runs: 0, ends: 0, fence: 0 })
    await this.#step('accept', () => this.#store.insert({ ...row, id, labels: {}, spec: '{}' }))
  }

  /** Claims, starts and ends, as a node does that is slow at all of it. */
  async node(name: string): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      const wish = { node: name, now: this.#now, leaseMs, capacity, runtimes: ['python'], most: 4 }
      const { claimed } = await this.#step(`${name} claims`, () => this.#store.claim(wish))
      for (const one of claimed) this.#own(one).runs += 1
      const load = await this.#step(`${name} looks`, () => this.#store.load({ node: name, overheadMib: 0 }))
      expect(load.vms).toBeLessThanOrEqual(capacity.vms)
      expect(load.starting).toBeLessThanOrEqual(capacity.starting)
      await Promise.all(claimed.map((one) => this.#run(name, one)))
    }
  }

  async #run(name: string, owned: Owned): Promise<void> {
    const start = () => ({ at: 1, record: '{}' })
    const ours = await this.#step(`${name} starts`, () => this.#store.started(owned, start))
    await this.#end(`${name} ends`, owned, ours ? 'completed' : 'failed')
  }

  async #end(what: string, owned: Owned, status: 'completed' | 'failed'): Promise<void> {
    const told = await this.#step(what, () => this.#store.finish(owned, { ...ended, status }))
    if (!told) return
    const seen = this.#of(owned.id)
    seen.ends += 1
    expect(owned.fence).toBe(seen.fence)
  }

  #own({ id, fence }: Owned): Seen {
    return Object.assign(this.#of(id), { fence })
  }

  /** Ends what it takes from nodes whose time is over. */
  async reaper(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      this.#now += 2 * leaseMs
      const late = await this.#step('reap', () => this.#store.reap({ node: 'n3', now: this.#now, leaseMs }))
      for (const one of late) this.#own(one)
      await Promise.all(late.map((one) => this.#end('the reaper ends', one, 'failed')))
    }
  }

  async killer(): Promise<void> {
    for (const id of this.seen.keys()) {
      const end = { status: 'killed', at: 1, record: '{}', given: '{}', bytes: 0 } as const
      if (await this.#step('kill', () => this.#store.cancel(id, end))) this.#of(id).ends += 1
    }
  }

  #of(id: string): Seen {
    return this.seen.get(id)!
  }
}

test('in whatever order nodes, a reaper and kills come to it, a workload is run at most once and ends at most once, and a node never has more than it bears', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-races-'))
  await using store = await Store.open(folder.path)
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const race = new Race(store, scheduler)
      const accepts = Array.from({ length: 4 }, () => race.accept())
      const actors = [race.node('n1'), race.node('n2'), race.reaper(), race.killer()]
      await scheduler.waitFor(Promise.all([...accepts, ...actors]))
      for (const [id, { runs, ends }] of race.seen) {
        expect(runs).toBeLessThanOrEqual(1)
        const kept = await store.find(id)
        expect(ends).toBe(kept?.finishedAt === undefined ? 0 : 1)
        // Whoever was told to run it, and nobody else, had a word in it; what nobody had waits still.
        if (ends === 0) expect(kept).toMatchObject({ status: 'pending', node: undefined })
        await store.cancel(id, { status: 'killed', at: 1, record: '{}', given: '{}', bytes: 0 })
      }
    }),
    { numRuns: 40 },
  )
})

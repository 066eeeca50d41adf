/** The lease machine under every order of answers: nodes, one that starts anew, a reaper and whoever kills do what they do at once. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderedId } from '../base/id.ts'
import type { Owned } from './leases.ts'
import { Store } from './store.ts'
import { roomy, testWorkload } from './testing.ts'
import { firstFence, type FirstLease } from './workloads.ts'

const leaseMs = 30_000
const ample = { ...roomy, vms: 64, starting: 64, cpus: 64, memMib: 1 << 20 }
/** What each node bears. */
const bounds = { n1: { ...ample, vms: 2 }, n2: { ...ample, starting: 1 } } as const
const ended = { at: 1, record: '{}', given: '{}', bytes: 0, cpuMs: 0 } as const

/** What each was told, by workload. */
interface Seen {
  /** Of its newest owner; none while it waits. */
  fence: number | undefined
  /** How often its program was begun. */
  starts: number
  /** How often the last word was accepted. */
  ends: number
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

  async accept(lease?: FirstLease): Promise<Owned> {
    const id = orderedId()
    this.seen.set(id, { fence: lease && firstFence, starts: 0, ends: 0 })
    const one = testWorkload({ id, lease })
    await this.#step('accept', () => this.#store.insert(one))
    return { id, fence: firstFence }
  }

  /** Begins what comes while it has nothing, then claims, starts and ends, as a node does that is slow at all of it. */
  async node(name: keyof typeof bounds): Promise<void> {
    const capacity = bounds[name]
    const first = await this.accept({ node: name, until: this.#now + leaseMs })
    const doing = [this.#run(name, first)]
    for (let round = 0; round < 4; round += 1) {
      const wish = { node: name, now: this.#now, leaseMs, capacity, runtimes: ['python'], most: 4 }
      const { claimed } = await this.#step(`${name} claims`, () => this.#store.claim(wish))
      for (const { id, fence } of claimed) {
        expect(this.#of(id), 'nobody else has it').toMatchObject({ fence: undefined, starts: 0, ends: 0 })
        this.#of(id).fence = fence
      }
      const load = await this.#step(`${name} looks`, () => this.#store.load({ node: name, overheadMib: 0 }))
      expect(load.vms).toBeLessThanOrEqual(capacity.vms)
      expect(load.starting).toBeLessThanOrEqual(capacity.starting)
      // Every other time what it claimed has to wait again, as where a server ends.
      doing.push(...claimed.map((one) => (round % 2 === 0 ? this.#giveBack(name, one) : this.#run(name, one))))
    }
    await Promise.all(doing)
  }

  async #run(name: string, owned: Owned): Promise<void> {
    const start = () => ({ at: 1, record: '{}' })
    const ours = await this.#step(`${name} starts`, () => this.#store.started(owned, start))
    if (ours) this.#own(owned).starts += 1
    await this.#end(`${name} ends`, owned, ours ? 'completed' : 'failed')
  }

  /** While it still has an end of it under way: whichever is first. */
  async #giveBack(name: string, owned: Owned): Promise<void> {
    const given = this.#step(`${name} gives back`, () => this.#store.giveBack(owned)).then((ours) => {
      if (ours) this.#own(owned).fence = undefined
    })
    await Promise.all([given, this.#end(`${name} ends what it gives back`, owned, 'failed')])
  }

  async #end(what: string, owned: Owned, status: 'completed' | 'failed'): Promise<void> {
    if (await this.#step(what, () => this.#store.finish(owned, { ...ended, status }))) this.#own(owned).ends += 1
  }

  /** Of a write that was accepted: nobody else has it. */
  #own({ id, fence }: Owned): Seen {
    expect(this.#of(id).fence).toBe(fence)
    return this.#of(id)
  }

  /** Ends what it takes from nodes whose time is over. */
  async reaper(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      this.#now += 2 * leaseMs
      const late = await this.#step('reap', () => this.#store.reap({ node: 'n3', now: this.#now, leaseMs }))
      await this.#endAll('the reaper ends', late)
    }
  }

  /** Another process of a node, which knows nothing of what the first still does. */
  async anew(name: string): Promise<void> {
    const left = await this.#step(`${name} starts anew`, () => this.#store.takeOver(name, this.#now + leaseMs))
    await this.#endAll(`${name} ends what it found`, left)
  }

  async #endAll(what: string, taken: readonly Owned[]): Promise<void> {
    for (const { id, fence } of taken) {
      expect(fence).toBeGreaterThan(this.#of(id).fence ?? Infinity)
      this.#of(id).fence = fence
    }
    await Promise.all(taken.map((one) => this.#end(what, one, 'failed')))
  }

  async killer(): Promise<void> {
    for (const id of this.seen.keys()) {
      const end = { status: 'killed', at: 1, record: '{}', given: '{}', bytes: 0 } as const
      if (!(await this.#step('kill', () => this.#store.cancel(id, end)))) continue
      expect(this.#of(id).fence, 'it has no owner').toBeUndefined()
      this.#of(id).ends += 1
    }
  }

  #of(id: string): Seen {
    return this.seen.get(id)!
  }
}

test('in whatever order nodes, one that starts anew, a reaper and kills come to it, a workload has one owner, is started at most once and ends at most once, and a node never has more than it bears', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-races-'))
  await using store = await Store.open(folder.path)
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const race = new Race(store, scheduler)
      const actors = [race.node('n1'), race.node('n2'), race.anew('n1'), race.reaper(), race.killer()]
      const accepts = Array.from({ length: 6 }, () => race.accept())
      await scheduler.waitFor(Promise.all([...accepts, ...actors]))
      for (const [id, { starts, ends }] of race.seen) {
        expect(starts).toBeLessThanOrEqual(1)
        const kept = await store.find(id)
        expect(ends).toBe(kept?.finishedAt === undefined ? 0 : 1)
        // Whoever was told to run it, and nobody else, had a word in it; what nobody had waits still.
        if (ends === 0) expect(kept).toMatchObject({ status: 'pending', node: undefined })
        await store.cancel(id, { status: 'killed', at: 1, record: '{}', given: '{}', bytes: 0 })
      }
    }),
    { numRuns: 100, interruptAfterTimeLimit: 40_000 },
  )
})

/** The lease machine against a model: nodes that claim, die, come back late, keys that are at their limit, and a clock that jumps. */
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { orderedId } from '../base/id.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Store } from './store.ts'

const leaseMs = 30_000
const capacity = { vms: 1000, starting: 1000, cpus: 1000, memMib: 1 << 20, overheadMib: 0 }

/** How many each tenant may run at once. */
const limits: Readonly<Record<string, number>> = { free: Infinity, one: 1, two: 2 }

interface Lease {
  readonly node: string
  readonly fence: number
  readonly until: number
}

/** What must be true of each workload. */
interface Expected {
  readonly tenant: string
  ended: boolean
  /** Fences given out for it, oldest first. */
  leases: Lease[]
  /** How often a node was told to run it, rather than to end it. */
  runs: number
}

interface Model {
  now: number
  readonly workloads: Map<string, Expected>
}

type Real = { store: Store }
type Command = fc.AsyncCommand<Model, Real>

const newest = ({ leases }: Expected): Lease | undefined => leases.at(-1)
const open = (model: Model) => [...model.workloads].filter(([, { ended }]) => !ended)

const running = (model: Model, tenant: string): number =>
  open(model).filter(([, one]) => one.tenant === tenant && one.leases.length > 0).length

/** What is next: of those whose tenant may run one more, the tenant's with least running, then the earliest. */
function nextOf(model: Model): string | undefined {
  const claimable = open(model).filter(
    ([, { leases, tenant }]) => leases.length === 0 && running(model, tenant) < limits[tenant]!,
  )
  // Stable, and a Map keeps the order of arrival.
  return claimable.sort(([, a], [, b]) => running(model, a.tenant) - running(model, b.tenant))[0]?.[0]
}

class Accept implements Command {
  readonly tenant: string
  constructor(tenant: string) {
    this.tenant = tenant
  }
  check = () => true
  async run(model: Model, { store }: Real) {
    const id = orderedId()
    const { tenant } = this
    const rest = { tenant, runtime: 'python', isolation: 'microvm', priority: 0, cpus: 1, memMib: 64 }
    await store.insert({ id, ...rest, createdAt: model.now, labels: {}, spec: '{}' })
    model.workloads.set(id, { tenant, ended: false, leases: [], runs: 0 })
  }
  toString = () => `accept of ${this.tenant}`
}

class Claim implements Command {
  readonly node: string
  constructor(node: string) {
    this.node = node
  }
  check = () => true
  async run(model: Model, { store }: Real) {
    const o = { node: this.node, now: model.now, leaseMs, capacity, runtimes: ['python'], most: 1 }
    const [claimed] = (await store.claim(o)).claimed
    expect(claimed?.id).toBe(nextOf(model))
    if (!claimed) return
    const expected = model.workloads.get(claimed.id)!
    expected.runs += 1
    expected.leases.push({ node: this.node, fence: claimed.fence, until: model.now + leaseMs })
    expect(running(model, expected.tenant)).toBeLessThanOrEqual(limits[expected.tenant]!)
  }
  toString = () => `claim by ${this.node}`
}

class Renew implements Command {
  readonly node: string
  constructor(node: string) {
    this.node = node
  }
  check = () => true
  async run(model: Model, { store }: Real) {
    await store.renew(this.node, model.now + leaseMs)
    for (const [, expected] of open(model)) {
      const lease = newest(expected)
      if (lease?.node !== this.node) continue
      expected.leases[expected.leases.length - 1] = { ...lease, until: model.now + leaseMs }
    }
  }
  toString = () => `renew by ${this.node}`
}

/** A node ends one with any fence it ever had, the newest or one that it should know is lost. */
class Finish implements Command {
  readonly which: number
  readonly age: number
  constructor(which: number, age: number) {
    this.which = which
    this.age = age
  }
  check = (model: Model) => [...model.workloads.values()].some(({ leases }) => leases.length > 0)
  async run(model: Model, { store }: Real) {
    const claimed = [...model.workloads].filter(([, { leases }]) => leases.length > 0)
    const [id, expected] = claimed[this.which % claimed.length]!
    const { fence } = expected.leases.at(-1 - (this.age % expected.leases.length))!
    const isNewest = fence === newest(expected)?.fence
    const told = await store.finish(
      { id, fence },
      { status: 'completed', at: model.now, record: '{}', given: '{}', bytes: 0, cpuMs: 0 },
    )
    expect(told).toBe(isNewest && !expected.ended)
    if (told) expected.ended = true
  }
  toString = () => `finish the ${this.which}th with a fence ${this.age} old`
}

class Kill implements Command {
  readonly which: number
  constructor(which: number) {
    this.which = which
  }
  check = (model: Model) => model.workloads.size > 0
  async run(model: Model, { store }: Real) {
    const [id, expected] = [...model.workloads][this.which % model.workloads.size]!
    const told = await store.cancel(id, { status: 'killed', at: model.now, record: '{}', given: '{}', bytes: 0 })
    expect(told).toBe(!expected.ended && expected.leases.length === 0)
    if (told) expected.ended = true
  }
  toString = () => `kill the ${this.which}th`
}

class Reap implements Command {
  readonly node: string
  constructor(node: string) {
    this.node = node
  }
  check = () => true
  async run(model: Model, { store }: Real) {
    const taken = await store.reap({ node: this.node, now: model.now, leaseMs })
    const late = open(model).filter(([, expected]) => (newest(expected)?.until ?? Infinity) < model.now)
    expect(new Set(taken.map(({ id }) => id))).toEqual(new Set(late.map(([id]) => id)))
    for (const { id, fence } of taken) {
      model.workloads.get(id)!.leases.push({ node: this.node, fence, until: model.now + leaseMs })
    }
  }
  toString = () => `reap by ${this.node}`
}

class TakeOver implements Command {
  readonly node: string
  constructor(node: string) {
    this.node = node
  }
  check = () => true
  async run(model: Model, { store }: Real) {
    const taken = await store.takeOver(this.node, model.now + leaseMs)
    const own = open(model).filter(([, expected]) => newest(expected)?.node === this.node)
    expect(new Set(taken.map(({ id }) => id))).toEqual(new Set(own.map(([id]) => id)))
    for (const { id, fence } of taken) {
      model.workloads.get(id)!.leases.push({ node: this.node, fence, until: model.now + leaseMs })
    }
  }
  toString = () => `${this.node} starts anew`
}

class Pass implements Command {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
  check = () => true
  async run(model: Model) {
    model.now += this.ms
  }
  toString = () => `${this.ms} ms pass`
}

/** A store whose keys are the tenants of the model. */
async function storeOf(home: string): Promise<Store> {
  await mkdir(home)
  const store = await Store.open(home)
  for (const [id, limit] of Object.entries(limits)) {
    const quotas = limit === Infinity ? {} : { running: limit }
    await store.insertKey({ id, name: id, hash: id, scopes: ['run'], quotas, createdAt: 1, expiresAt: undefined })
  }
  return store
}

test('whatever nodes do and whenever: each workload is run at most once, ends once, by its newest owner, is never lost, and no key runs more than it may or holds up another', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-leases-'))
  const node = fc.constantFrom('n1', 'n2')
  const commands = fc.commands(
    [
      fc.constantFrom(...Object.keys(limits)).map((tenant) => new Accept(tenant)),
      node.map((name) => new Claim(name)),
      node.map((name) => new Renew(name)),
      fc.tuple(fc.nat(20), fc.nat(3)).map(([which, age]) => new Finish(which, age)),
      fc.nat(20).map((which) => new Kill(which)),
      node.map((name) => new Reap(name)),
      node.map((name) => new TakeOver(name)),
      fc.constantFrom(1000, 20_000, 40_000).map((ms) => new Pass(ms)),
    ],
    { size: 'large', maxCommands: 60 },
  )
  let round = 0
  await fc.assert(
    fc.asyncProperty(commands, async (all) => {
      const home = join(folder.path, String((round += 1)))
      await using store = await storeOf(home)
      const model: Model = { now: 1_000_000, workloads: new Map() }
      await fc.asyncModelRun(() => ({ model, real: { store } }), all)
      for (const [id, { ended, runs }] of model.workloads) {
        expect(runs).toBeLessThanOrEqual(1)
        expect((await store.find(id))?.finishedAt !== undefined).toBe(ended)
      }
    }),
    { numRuns: 40 },
  )
})

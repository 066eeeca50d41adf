/** What nodes and callers do to a store, beside the model of it: each move asks the store and holds the answer to the model. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { orderedId } from '../base/id.ts'
import {
  isOf,
  leaseMs,
  limits,
  nodes,
  type Expected,
  type Lease,
  type Node,
  type Queue,
  type Wanted,
} from './leasemodel.ts'
import type { Store } from './store.ts'
import { firstFence, type FirstLease } from './workloads.ts'

interface Real {
  readonly store: Store
}
type Move = fc.AsyncCommand<Queue, Real>
type Act = (queue: Queue, store: Store) => Promise<void>

const move = (name: string, act: Act, check: (queue: Queue) => boolean = () => true): Move => ({
  check,
  run: (queue, { store }) => act(queue, store),
  toString: () => name,
})

async function insert(
  queue: Queue,
  { store, wanted }: Real & { wanted: Wanted },
  lease?: FirstLease,
): Promise<Expected> {
  const id = orderedId()
  const rest = { isolation: 'microvm', createdAt: queue.now, labels: {}, spec: '{}' }
  expect(await store.insert({ ...wanted, ...rest, id, lease, unlimited: lease !== undefined })).toBeUndefined()
  const one = { ...wanted, id, owner: undefined, fences: [], startedAt: undefined, ended: false }
  queue.all.push(one)
  return one
}

/** A new owner, whose fence nobody had before. */
function own(one: Expected, lease: Lease): void {
  expect(lease.fence).toBeGreaterThan(Math.max(0, ...one.fences))
  one.fences.push(lease.fence)
  one.owner = lease
}

const accept = (wanted: Wanted) =>
  move(`accept ${JSON.stringify(wanted)}`, async (queue, store) => void (await insert(queue, { store, wanted })))

/** Kept with its first owner: a node begins what comes while nothing waits and it has room. */
const begin = (node: Node, wanted: Wanted) =>
  move(
    `${node} begins ${JSON.stringify(wanted)}`,
    async (queue, store) => {
      const lease = { node, until: queue.now + leaseMs }
      own(await insert(queue, { store, wanted }, lease), { ...lease, fence: firstFence })
    },
    (queue) =>
      queue.waiting.length === 0 &&
      limits[wanted.tenant] === Infinity &&
      isOf(nodes[node].runtimes, wanted.runtime) &&
      queue.fits(node, wanted),
  )

const claim = (node: Node, most: number) =>
  move(`${node} claims ${most}`, async (queue, store) => {
    const { capacity, runtimes } = nodes[node]
    const { claimed, left } = await store.claim({ node, now: queue.now, leaseMs, capacity, runtimes, most })
    for (const { id, fence } of claimed) {
      expect(id).toBe(queue.next(node)?.id)
      own(queue.of(id), { node, fence, until: queue.now + leaseMs })
    }
    if (claimed.length < most) expect(queue.next(node), 'what it left').toBeUndefined()
    if (!left) expect(queue.waiting).toEqual([])
    expect(await store.load({ node, overheadMib: capacity.overheadMib })).toEqual(queue.load(node))
  })

interface Write {
  /** Among those that had an owner. */
  readonly which: number
  /** 0: its newest fence. Others are of who should know that it is lost. */
  readonly age: number
}

/** A write of an owner, present or past; `isOurs`: whether it has to be accepted. */
const write = (
  what: string,
  { which, age }: Write,
  act: (
    store: Store,
    o: { queue: Queue; one: Expected; owned: { id: string; fence: number }; isOurs: boolean },
  ) => Promise<void>,
) =>
  move(
    `${what} the ${which}th with a fence ${age} old`,
    async (queue, store) => {
      const owned = queue.all.filter(({ fences }) => fences.length > 0)
      const one = owned[which % owned.length]!
      const fence = one.fences.at(-1 - (age % one.fences.length))!
      await act(store, { queue, one, owned: { id: one.id, fence }, isOurs: !one.ended && one.owner?.fence === fence })
    },
    (queue) => queue.all.some(({ fences }) => fences.length > 0),
  )

const start = (by: Write) =>
  write('start', by, async (store, { queue, one, owned, isOurs }) => {
    expect(await store.started(owned, () => ({ at: queue.now, record: '{}' }))).toBe(isOurs)
    if (isOurs) one.startedAt = queue.now
  })

const giveBack = (by: Write) =>
  write('give back', by, async (store, { one, owned, isOurs }) => {
    const may = isOurs && one.startedAt === undefined
    expect(await store.giveBack(owned)).toBe(may)
    if (may) one.owner = undefined
  })

const finish = (by: Write) =>
  write('finish', by, async (store, { queue, one, owned, isOurs }) => {
    const end = { status: 'completed', at: queue.now, record: '{}', given: '{}', bytes: 0, cpuMs: 0 } as const
    expect(await store.finish(owned, end)).toBe(isOurs)
    one.ended ||= isOurs
  })

const kill = (which: number) =>
  move(
    `kill the ${which}th`,
    async (queue, store) => {
      const one = queue.all[which % queue.all.length]!
      const may = !one.ended && !one.owner
      const end = { status: 'killed', at: queue.now, record: '{}', given: '{}', bytes: 0 } as const
      expect(await store.cancel(one.id, end)).toBe(may)
      one.ended ||= may
    },
    (queue) => queue.all.length > 0,
  )

const renew = (node: Node) =>
  move(`${node} renews`, async (queue, store) => {
    await store.renew(node, queue.now + leaseMs)
    for (const one of queue.on(node)) one.owner = { ...one.owner!, until: queue.now + leaseMs }
  })

const reap = (node: Node) =>
  move(`${node} reaps`, async (queue, store) => {
    const taken = await store.reap({ node, now: queue.now, leaseMs })
    expect(taken.map(({ id }) => id)).toEqual(queue.late.map(({ id }) => id))
    for (const { id, fence } of taken) own(queue.of(id), { node, fence, until: queue.now + leaseMs })
  })

const takeOver = (node: Node) =>
  move(`${node} starts anew`, async (queue, store) => {
    const taken = await store.takeOver(node, queue.now + leaseMs)
    expect(taken.map(({ id }) => id)).toEqual(queue.on(node).map(({ id }) => id))
    for (const { id, fence } of taken) own(queue.of(id), { node, fence, until: queue.now + leaseMs })
  })

const pass = (ms: number) => move(`${ms} ms pass`, async (queue) => void (queue.now += ms))

const anyNode = fc.constantFrom<Node>('few', 'slow', 'narrow', 'full', 'low')
const anyWrite = fc.record({ which: fc.nat(20), age: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(3)) })
const anyWanted = fc.record({
  tenant: fc.constantFrom('free', 'one', 'two'),
  runtime: fc.constantFrom('python', 'python', 'go'),
  priority: fc.constantFrom(0, 0, 5, 9),
  // The last of each is more than the node that is short of it bears beside anything else.
  cpus: fc.constantFrom(0.5, 0.5, 1.5, 5),
  memMib: fc.constantFrom(64, 64, 300, 900),
  diskMib: fc.constantFrom(16, 16, 200, 600),
})
const unlimited = anyWanted.map((wanted) => ({ ...wanted, tenant: 'free' }))

/** Sequences of moves in any order. Those that come up twice are what the others need to find something to do. */
export const moves = fc.commands(
  [
    anyWanted.map(accept),
    anyWanted.map(accept),
    fc.tuple(anyNode, unlimited).map(([node, wanted]) => begin(node, wanted)),
    fc.tuple(anyNode, fc.integer({ min: 1, max: 3 })).map(([node, most]) => claim(node, most)),
    fc.tuple(anyNode, fc.integer({ min: 1, max: 3 })).map(([node, most]) => claim(node, most)),
    anyWrite.map(start),
    anyWrite.map(giveBack),
    anyWrite.map(finish),
    fc.nat(20).map(kill),
    anyNode.map(renew),
    anyNode.map(reap),
    anyNode.map(takeOver),
    fc.constantFrom(1000, 20_000, 40_000).map(pass),
  ],
  { size: 'large', maxCommands: 80 },
)

/** Keys for the tenants of the model. */
export async function insertTenants(store: Store): Promise<void> {
  for (const [id, limit] of Object.entries(limits)) {
    const quotas = limit === Infinity ? {} : { running: limit }
    await store.insertKey({ id, name: id, hash: id, scopes: ['run'], quotas, createdAt: 1, expiresAt: undefined })
  }
}

/** For tests: a pool whose vms are scopes and promises. */
import { setImmediate as turn } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { Facts } from '../base/facts.ts'
import { Scope } from '../base/scope.ts'
import type { FirecrackerFacts } from './facts.ts'
import type { Attempt, Started, VmClass } from './makevm.ts'
import { Pool } from './pool.ts'
import type { Slot } from './slot.ts'

export const python = {
  image: { name: 'python', digest: 'p' },
  size: { vcpus: 1, memMib: 100 },
  diskMib: 64,
  nic: true,
  network: { mode: 'internet', allow: [] },
} as unknown as VmClass
export const node = { ...python, image: { name: 'node', digest: 'n' } } as VmClass

interface Made {
  readonly of: VmClass
  readonly started: Started
  /** Ends its Firecracker. */
  die(): void
}

/** A pool whose vms are scopes and promises. */
export function pooled(o: { most?: number; memMib?: number; make?: (attempt: Attempt) => Promise<void> } = {}) {
  const made: Made[] = []
  const slots: Slot[] = []
  const discarded: VmClass[] = []
  const facts = new Facts<FirecrackerFacts>()
  const make = async (attempt: Attempt): Promise<Started> => {
    await o.make?.(attempt)
    const ended = Promise.withResolvers<void>()
    const vm = {
      names: { vmId: `test-${made.length}` },
      start: 'restore',
      bootMs: 999,
      process: { ended: ended.promise },
    }
    const started = { scope: new Scope('vm'), vm, session: {}, rttUs: 1 } as unknown as Started
    made.push({ of: attempt.of, started, die: () => ended.resolve() })
    return started
  }
  const templates = { find: () => ({ memory: '', state: '', written: '/none', disk: '' }), discard: (of: VmClass) => Promise.resolve(void discarded.push(of)) } // prettier-ignore
  const makeSlot = () => {
    const placed = { names: { vmId: `slot-${slots.length}` }, process: { ended: new Promise(() => undefined) } }
    const slot = { scope: new Scope('slot'), placed } as unknown as Slot
    slots.push(slot)
    return Promise.resolve(slot)
  }
  const pool = new Pool({ facts, templates, make, makeSlot, most: o.most ?? 2, memMib: o.memMib ?? 1000 })
  onTestFinished(() => pool[Symbol.asyncDispose]())
  return { pool, made, slots, discarded, facts }
}

export const ready = (pool: Pool) => pool.state().lines.map(({ runtime, ready }) => [runtime, ready])

/** Resolves once that many are ready. */
export async function filled(pool: Pool, count: number): Promise<void> {
  while (pool.state().lines.reduce((sum, line) => sum + line.ready, 0) < count) await turn()
}

import { expect, onTestFinished, test, vi } from 'vitest'
import type { Session } from './agent.ts'
import type { Started } from './makevm.ts'
import { narrowReady, narrowSlot } from './narrow.ts'
import type { Slot } from './slot.ts'
import type { VmHost } from './vm.ts'

const nic = {
  mac: '02:00:00:00:00:07',
  address: '10.88.0.5/16',
  gateway: '10.88.0.1',
  mtu: 1500,
  nameservers: ['192.0.2.53'],
}
const network = { netns: '/n', nic }
const spec = { mode: 'internet', allow: ['a.example'] } as const
const signal = new AbortController().signal

/** What happened, in order. */
function host(happened: unknown[]) {
  const networks = {
    narrow: (_: unknown, o: { vmId: string }) => {
      happened.push(['narrow', o.vmId, spec])
      return Promise.resolve({ netns: '/n', nic: { ...nic, nameservers: ['10.88.0.1'] } })
    },
  }
  return { networks } as unknown as VmHost
}

test('a vm that was ready is narrowed, then told of its name server', async () => {
  const happened: unknown[] = []
  const session = {
    request: (message: { op: string; network: { nameservers: string[] } }) => {
      happened.push([message.op, message.network.nameservers])
      return Promise.resolve()
    },
  } as unknown as Session
  const ready = { vm: { names: { vmId: 'v-1' }, network, start: 'pool' }, session } as unknown as Started
  const { vm } = await narrowReady(host(happened), ready, { spec, signal })
  expect(happened).toEqual([
    ['narrow', 'v-1', spec],
    ['configure', ['10.88.0.1']],
  ])
  expect(vm).toMatchObject({ start: 'pool', network: { nic: { nameservers: ['10.88.0.1'] } } })
})

test('a vm that has stopped while it waited is given up soon, with time for another', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const request = (_: unknown, asked: AbortSignal) =>
    new Promise((_resolve, reject) => asked.addEventListener('abort', () => reject(asked.reason as Error)))
  const session = { request } as unknown as Session
  const stopped = { vm: { names: { vmId: 'v-1' }, network, start: 'pool' }, session } as unknown as Started
  const narrowing = narrowReady(host([]), stopped, { spec, signal })
  const tenSeconds = vi.advanceTimersByTimeAsync(10_000)
  await expect(narrowing).rejects.toThrow('a vm that was ready')
  await tenSeconds
})

test('a place for one is narrowed, and its guest told when it is greeted', async () => {
  const happened: unknown[] = []
  const slot = { placed: { names: { vmId: 'v-2' }, network } } as unknown as Slot
  const { placed } = await narrowSlot(host(happened), slot, { spec, signal })
  expect(happened).toEqual([['narrow', 'v-2', spec]])
  expect(placed.network.nic?.nameservers).toEqual(['10.88.0.1'])
})

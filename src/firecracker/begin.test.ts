/** What a run waits for before its program begins. */
import type { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { testSpec } from '../backend/testing.ts'
import { Facts } from '../base/facts.ts'
import { begin, type BeginParts } from './begin.ts'
import type { Played } from './playing.ts'
import { exit, play, soon, textOf } from './playing.ts'
import type { Starter } from './starter.ts'
import { control } from './testing.ts'

/** A vm from the pool, whose guest answers whatever it is asked. */
const script = ({ op }: Readonly<Record<string, unknown>>, socket: Socket) => {
  if (op === 'ping' || op === 'end of input') socket.write(control({ op: 'ok' }))
  if (op === 'exec') socket.write(Buffer.concat([control({ op: 'started', pid: 2 }), exit(0)]))
}

/** What is asked of the host and of the guest, in its order. */
const withReadyVm = (
  body: (o: { parts: BeginParts; told: string[]; played: Played }) => Promise<void>,
  guest = script,
) =>
  play(guest, async (played) => {
    const told: string[] = []
    const { session, scope } = played
    const vm = { ...played.parts.vm, start: 'pool', bootMs: 1, uid: 1, network: { netns: '/run/netns/x' } }
    const notes = { noteBegun: () => void told.push('begun'), noteHung: () => void told.push('hung') }
    const starter = { start: () => Promise.resolve({ scope, vm, session, rttUs: 1 }), ...notes } as unknown as Starter
    const book = { give: (vmId: string, id: string) => Promise.resolve(void told.push(`${vmId} is ${id}’s`)) }
    const networks = { watch: () => Promise.resolve(void told.push('watched')) }
    const host = { book, networks, assets: { kernelVersion: '6' } } as unknown as BeginParts['host']
    scope.defer('remove the vm', () => void told.push('removed'))
    const place = { backend: 'firecracker', node: 'here' }
    await body({ parts: { host, facts: new Facts(), starter, place }, told, played })
  })

const ops = ({ heard }: Played) => heard.map(({ op }) => op)
const spec = testSpec({ network: { mode: 'none', allow: [] } })

test('a vm is a run’s and was asked while its workload is on its way to the disk, and nothing of the program is in it', async () => {
  await withReadyVm(async ({ parts, told, played }) => {
    const { image, phases } = played.parts
    const accepted = Promise.withResolvers<void>()
    const begun = begin(parts, { spec, image, phases, signal: soon(), accepted: accepted.promise })
    await vi.waitFor(() => expect(ops(played)).toEqual(['ping']))
    // Its answer, and whatever might follow it.
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(ops(played)).toEqual(['ping'])
    expect(told).toEqual([`test-5f0a1b2c3d4e is ${spec.id}’s`, 'watched'])
    accepted.resolve()
    const { run } = await begun
    expect(await textOf(run)).toBe('')
    expect(ops(played)).toEqual(['ping', 'write', 'exec'])
    await run[Symbol.asyncDispose]()
  })
})

test('where it is not kept, no program begins and the vm is removed', async () => {
  await withReadyVm(async ({ parts, told, played }) => {
    const { image, phases } = played.parts
    const accepted = Promise.reject(new Error('the disk is full'))
    await expect(begin(parts, { spec, image, phases, signal: soon(), accepted })).rejects.toThrow('the disk is full')
    expect(told.at(-1)).toBe('removed')
    expect(ops(played)).not.toContain('exec')
  })
})

test('where a program does not begin in the time there is, that is told, once its vm is gone', async () => {
  const silent: typeof script = (message, socket) => message['op'] !== 'exec' && script(message, socket)
  await withReadyVm(async ({ parts, told, played }) => {
    const { image, phases } = played.parts
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const begun = begin(parts, { spec, image, phases, signal: new AbortController().signal }).catch(String)
    while (!ops(played).includes('exec')) await new Promise(setImmediate)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await begun).toContain('not done after 60000 ms')
    expect(told.slice(-2)).toEqual(['removed', 'hung'])
  }, silent)
})

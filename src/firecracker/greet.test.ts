import { expect, onTestFinished, test, vi } from 'vitest'
import { Scope } from '../base/scope.ts'
import { DeadlineExceeded } from '../base/time.ts'
import { Session, SessionLost } from './agent.ts'
import { answers, greetSurely } from './greet.ts'
import { control, type Guest, hello, withGuest } from './testing.ts'
import type { FreshVm } from './vm.ts'
import { dial } from './vsock.ts'

function vmAt(vsock: string): FreshVm {
  return { names: { vsock }, network: { netns: '/n' }, start: 'restore', bootMs: 1 } as unknown as FreshVm
}

/** A guest whose first connections end in the middle of the greeting, as those of a restored one may. */
function resetting(lost: number): { guest: Guest; greeted: string[][] } {
  const greeted: string[][] = []
  const guest: Guest = {
    connected(socket) {
      greeted.push([])
      socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello]))
    },
    frame(socket, frame) {
      if (frame.type !== 'control') return
      greeted.at(-1)?.push(String(frame.message['op']))
      if (greeted.length <= lost) socket.destroy()
      else socket.write(control({ op: 'ok' }))
    },
  }
  return { guest, greeted }
}

test('a greeting that is broken off is made again from its beginning, over a new connection', async () => {
  const { guest, greeted } = resetting(2)
  await withGuest(guest, async (path) => {
    await using scope = new Scope('vm')
    const { rttUs } = await greetSurely(scope, vmAt(path), AbortSignal.timeout(10_000))
    expect(rttUs).toBeGreaterThan(0)
  })
  expect(greeted).toEqual([['configure'], ['configure'], ['configure', 'ping']])
})

test('a guest that never stays is lost, and its connections are closed', async () => {
  const { guest, greeted } = resetting(9)
  await withGuest(guest, async (path) => {
    await using scope = new Scope('vm')
    const greeting = greetSurely(scope, vmAt(path), AbortSignal.timeout(10_000))
    await expect(greeting).rejects.toBeInstanceOf(SessionLost)
  })
  expect(greeted).toHaveLength(3)
})

test('one that was ready and has stopped since is found out within seconds', async () => {
  const silent: Guest = {
    connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello])),
    frame: () => undefined,
  }
  await withGuest(silent, async (path) => {
    const signal = AbortSignal.timeout(10_000)
    const session = await Session.open(await dial(path, 1024, signal), signal)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const asked = answers(session, new AbortController().signal).catch((error: unknown) => error)
    vi.advanceTimersByTime(10_000)
    expect(await asked).toBeInstanceOf(DeadlineExceeded)
    session.close()
  })
})

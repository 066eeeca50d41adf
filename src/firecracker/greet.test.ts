import { expect, test } from 'vitest'
import { Scope } from '../base/scope.ts'
import { SessionLost } from './agent.ts'
import { greetSurely } from './greet.ts'
import { control, type Guest, hello, withGuest } from './testing.ts'
import type { FreshVm } from './vm.ts'

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

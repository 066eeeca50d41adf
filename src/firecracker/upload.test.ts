import { writeFile, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { RunSpec, Source } from '../backend/backend.ts'
import { DeadlineExceeded } from '../base/time.ts'
import { Session } from './agent.ts'
import { control, type Guest, hello, withGuest } from './testing.ts'
import { Phases } from './phases.ts'
import { askFirst, bringing } from './upload.ts'
import { dial } from './vsock.ts'

const of = (source: Source) => ({ source, resources: { diskMib: 64 } }) as RunSpec
const code = of({ kind: 'code', name: 'main.py', content: Buffer.from('print(1)') })

async function archiveIn(folder: string): Promise<RunSpec> {
  const path = join(folder, 'a.tar')
  await writeFile(path, Buffer.alloc(5000))
  return of({ kind: 'archive', format: 'tar', path, bytes: 5000 })
}

/** What a guest hears, which answers as long as it lives. */
function hearing(lives: boolean): { guest: Guest; heard: string[] } {
  const heard: string[] = []
  const guest: Guest = {
    connected: (socket) => socket.write(Buffer.concat([Buffer.from('OK 1\n'), hello])),
    frame(socket, frame) {
      heard.push(frame.type === 'control' ? String(frame.message['op']) : frame.type)
      const due = heard.at(-1) === 'ping' || frame.type === 'end'
      if (lives && due) socket.write(control({ op: 'ok' }))
    },
  }
  return { guest, heard }
}

test.each(['code', 'archive'] as const)(
  'a vm that was ready and has stopped since is found out within seconds: %s',
  async (kind) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-upload-'))
    const spec = kind === 'code' ? code : await archiveIn(folder.path)
    await withGuest(hearing(false).guest, async (path) => {
      const signal = AbortSignal.timeout(10_000)
      const session = await Session.open(await dial(path, 1024, signal), signal)
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const asking = { spec, phases: new Phases(), signal: new AbortController().signal }
      const asked = askFirst(session, asking).catch((error: unknown) => error)
      vi.advanceTimersByTime(10_000)
      expect(await asked).toBeInstanceOf(DeadlineExceeded)
      session.close()
    })
  },
)

test('an archive is sent once a vm that waited has answered, code with what starts it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-upload-'))
  const { guest, heard } = hearing(true)
  await withGuest(guest, async (path) => {
    const signal = AbortSignal.timeout(10_000)
    const session = await Session.open(await dial(path, 1024, signal), signal)
    const phases = new Phases()
    const archive = await archiveIn(folder.path)
    await askFirst(session, { spec: archive, phases, signal })
    expect(heard.splice(0)).toEqual(['ping', 'unpack', 'data', 'end'])
    expect(bringing(session, { spec: archive, phases })).toBeUndefined()
    await askFirst(session, { spec: code, phases, signal })
    expect(heard.splice(0)).toEqual(['ping'])
    const own = new Phases()
    await bringing(session, { spec: code, phases: own })?.({ op: 'exec' }, signal)
    expect(heard).toEqual(['write', 'data', 'end', 'exec'])
    expect(own.toRecord()['upload']).toBeGreaterThan(0)
    session.close()
  })
})

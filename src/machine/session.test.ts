import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Decoder, encode, stream, type Frame } from '../base/frames.ts'
import { machineExec, machineShell } from './exec.ts'
import { placesOf, type Places } from './places.ts'

type Say = (frame: Frame) => void
type Act = (message: Frame, say: Say, socket: Socket) => void

const control = (message: Record<string, unknown>): Frame => ({ type: 'control', message })
const data = (id: number, text: string): Frame => ({ type: 'data', stream: id, data: Buffer.from(text) })

let stack = new AsyncDisposableStack()
let home = ''
let places: Places

beforeEach(async () => {
  home = stack.use(await mkdtempDisposable(join(tmpdir(), 'vulcan-session-'))).path
  places = placesOf(home)
  await mkdir(places.dir)
})

afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** Plays the machine on its first port; `act` gets every frame of each connection, and its number. */
async function machine(act: (connection: number) => Act): Promise<void> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const decoder = new Decoder()
    const handle = act((connections += 1))
    const say: Say = (frame) => socket.write(encode(frame))
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => decoder.push(bytes).forEach((frame) => handle(frame, say, socket)))
  })
  await new Promise<void>((resolve) => server.listen(places.exec[0], resolve))
  stack.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
}

/** A machine that says hello and runs every program the same way. */
const behaving =
  (program: (say: Say, socket: Socket) => void): Act =>
  (frame, say, socket) => {
    if (frame.type !== 'control') return
    if (frame.message['op'] === 'open') say(control({ op: 'hello', proto: 1, id: frame.message['id'] }))
    if (frame.message['op'] !== 'exec') return
    say(control({ op: 'started', pid: 7 }))
    program(say, socket)
  }

const exitWith = (code: number) => control({ op: 'exit', code, signal: null })

test('a program’s output and exit come back', async () => {
  await machine(() =>
    behaving((say) => {
      for (const frame of [data(stream.stdout, 'a'), data(stream.stderr, 'b'), data(stream.stdout, 'c'), exitWith(4)]) say(frame) // prettier-ignore
    }),
  )
  expect(await machineExec({ home, argv: ['x'] })).toEqual({ code: 4, signal: null, stdout: 'ac', stderr: 'b' })
})

test('a first try that goes wrong is made again: hung up, no frame, another’s hello', async () => {
  const wrong: Act[] = [
    (_, __, socket) => socket.destroy(),
    (_, __, socket) => socket.write(Buffer.alloc(64, 0xff)),
    (_, say, socket) => {
      say(control({ op: 'hello', proto: 1, id: 'of another' }))
      socket.end()
    },
  ]
  await machine((connection) => wrong[connection - 1] ?? behaving((say) => say(exitWith(0))))
  expect((await machineExec({ home, argv: ['x'] })).code).toBe(0)
})

test('what is left of the last caller’s session is passed over', async () => {
  await machine(() => {
    const next = behaving((say) => [data(stream.stdout, 'mine'), exitWith(0)].forEach(say))
    return (frame, say, socket) => {
      if (frame.type === 'control' && frame.message['op'] === 'open') say(data(stream.stdout, 'theirs'))
      next(frame, say, socket)
    }
  })
  expect((await machineExec({ home, argv: ['x'] })).stdout).toBe('mine')
})

test('without a machine, with one that goes away, or that refuses, it is an error that says so', async () => {
  await expect(machineExec({ home, argv: ['x'] })).rejects.toMatchObject({ code: 'machine_failed', message: expect.stringContaining('no machine') as string }) // prettier-ignore
  await machine((connection) =>
    connection === 1
      ? behaving((_, socket) => socket.end())
      : (frame, say, socket) => {
          if (frame.type === 'control' && frame.message['op'] === 'exec')
            say(control({ op: 'error', message: 'no such program' })) // prettier-ignore
          else behaving(() => undefined)(frame, say, socket)
        },
  )
  await expect(machineExec({ home, argv: ['x'] })).rejects.toMatchObject({ message: expect.stringContaining('while a program ran') as string }) // prettier-ignore
  await expect(machineExec({ home, argv: ['x'] })).rejects.toMatchObject({ message: expect.stringContaining('no such program') as string }) // prettier-ignore
})

test('a program that takes too long is an error, and its connection is closed', async () => {
  const closed = Promise.withResolvers<void>()
  await machine(() => behaving((_, socket) => socket.once('close', () => closed.resolve())))
  await expect(machineExec({ home, argv: ['x'], timeoutMs: 100 })).rejects.toMatchObject({ code: 'machine_failed' })
  await closed.promise
})

test('a shell joins our streams to the program’s', async () => {
  let typed = ''
  await machine(() => {
    const open = behaving(() => undefined)
    return (frame, say, socket) => {
      open(frame, say, socket)
      if (frame.type === 'data') typed += Buffer.from(frame.data).toString()
      if (frame.type === 'end') [data(stream.stdout, 'out'), data(stream.stderr, 'err'), exitWith(5)].forEach(say)
    }
  })
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end('typed')
  expect(await machineShell({ home, argv: ['sh'], stdin, stdout, stderr })).toEqual({ code: 5, signal: null })
  expect([typed, stdout.read()?.toString(), stderr.read()?.toString()]).toEqual(['typed', 'out', 'err'])
})

/** A stream that says it is a terminal, and remembers when it was made raw and when not. */
class TerminalStream extends PassThrough {
  readonly isTTY = true
  readonly rows = 24
  readonly columns = 80
  readonly raw: boolean[] = []
  setRawMode(raw: boolean): void {
    this.raw.push(raw)
  }
}

test.each([
  ['the type of ours', 'vt220', 'vt220'],
  ['the commonest type where ours has none', undefined, 'xterm'],
])('on a terminal the program gets one of our size and %s; ours is raw meanwhile', async (_, term, expected) => {
  let asked: unknown
  await machine(() => {
    const run = behaving((say) => say(exitWith(0)))
    return (frame, say, socket) => {
      if (frame.type === 'control' && frame.message['op'] === 'exec') asked = frame.message['tty']
      run(frame, say, socket)
    }
  })
  const [stdin, stdout, stderr] = [new TerminalStream(), new TerminalStream(), new PassThrough()]
  await machineShell({ home, argv: ['sh'], stdin, stdout, stderr, term })
  expect(asked).toEqual({ rows: 24, cols: 80, term: expected })
  expect(stdin.raw).toEqual([true, false])
})

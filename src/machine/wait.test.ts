import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connectKeeper, machineProtocol, parseEvent, type KeeperStatus } from './keeper.ts'
import { machineStatus, restartServer, stopMachine } from './machine.ts'
import { placesOf } from './places.ts'
import { waitFor } from './wait.ts'

const status = (state: KeeperStatus['state'], more: Partial<KeeperStatus> = {}): KeeperStatus => ({
  event: 'status',
  state,
  keeper_pid: 1,
  qemu_pid: 2,
  started_unix_ms: Date.now() - 5000,
  up_after_ms: 0,
  ready_after_ms: 0,
  restarts: 0,
  last_failure: '',
  about: {
    ...{
      protocol: machineProtocol,
      kernel: '/vmlinux',
      initramfs: '/initramfs',
      shares: [],
      port: 40_000,
      memMib: 1024,
      cores: 1,
    },
    ...{ qemuVersion: '10.0.2', restrict: false },
  },
  ...more,
})

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** A keeper that says what it is told and hands its client's orders to `answer`. */
async function keeper(
  script: readonly object[],
  answer: (op: string, say: (e: object) => void, socket: Socket) => void = () => undefined,
) {
  // prettier-ignore
  const folder = stack.use(await mkdtempDisposable(join(tmpdir(), 'vulcan-keeper-')))
  const places = placesOf(folder.path)
  await mkdir(places.dir)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const say = (event: object) => socket.write(`${JSON.stringify(event)}\n`)
    for (const event of script) say(event)
    socket.on('data', (data) => {
      for (const line of data.toString().trim().split('\n'))
        answer((JSON.parse(line) as { op: string }).op, say, socket)
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(places.control, resolve))
  stack.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { home: folder.path, places }
}

async function waiting(at: Awaited<ReturnType<typeof keeper>>, target: 'up' | 'ready', timeoutMs = 5000) {
  const client = await connectKeeper(at.places)
  if (!client) throw new Error('no keeper')
  stack.use(client)
  await waitFor(client, { target, places: at.places, timeoutMs })
}

test('lines of the keeper are read; what is unknown or no JSON is passed over', () => {
  expect(parseEvent(JSON.stringify(status('up')))).toMatchObject({ event: 'status', state: 'up' })
  expect(parseEvent('{"event":"dreamt"}')).toEqual({ event: 'other' })
  expect(parseEvent('no json')).toEqual({ event: 'other' })
})

test('ready counts as up, and up does not count as ready', async () => {
  await waiting(await keeper([status('ready')]), 'up')
  await expect(waiting(await keeper([status('up')]), 'ready', 100)).rejects.toMatchObject({ code: 'machine_failed' })
})

test('a machine that fails is an error with its reason and the last lines of its console, without terminal codes', async () => {
  const at = await keeper([status('starting'), status('failed', { last_failure: 'it hung' })])
  await writeFile(at.places.consoleLog, '\u001B[2JKernel panic\r\n')
  await expect(waiting(at, 'up')).rejects.toMatchObject({
    code: 'machine_failed',
    message: expect.stringContaining('it hung') as string,
    hint: expect.stringMatching(/:\nKernel panic$/) as string,
  })
})

const serverFailed = (said: string) => ({
  code: 'machine_failed',
  step: 'server',
  hint: expect.stringContaining(said) as string,
})

test('a server that exits before it listens has said why: that is the error, at once', async () => {
  const exit = { event: 'server_exit', code: 125, signal: null, restarts: 0, lines: ['store_failed: vulcan.db'] }
  const at = await keeper([status('up'), exit])
  await expect(waiting(at, 'ready')).rejects.toMatchObject(serverFailed('store_failed'))
})

test('a server that is killed three times before it listens is an error with its last lines', async () => {
  const exit = { event: 'server_exit', code: null, signal: 'SIGKILL', restarts: 0, lines: ['begun'] }
  const at = await keeper([status('up'), exit, exit, exit])
  await expect(waiting(at, 'ready')).rejects.toMatchObject(serverFailed('begun'))
})

test('a server that is killed twice and then listens is there', async () => {
  const exit = { event: 'server_exit', code: null, signal: 'SIGKILL', restarts: 0, lines: [] }
  const at = await keeper([status('up'), exit, exit, status('ready')])
  await expect(waiting(at, 'ready')).resolves.toBeUndefined()
})

test('a restart waits for the new server, not for the one that still listens', async () => {
  let restarted = false
  const at = await keeper([status('ready')], (op, say) => {
    if (op !== 'restart_server') return
    say({ event: 'server_exit', asked: true, code: 0, signal: null, restarts: 1, lines: [] })
    say(status('up'))
    setTimeout(() => {
      restarted = true
      say(status('ready'))
    }, 50)
  })
  await restartServer({ home: at.home })
  expect(restarted).toBe(true)
})

test('status is what the keeper says and what the machine was started with', async () => {
  const at = await keeper([status('ready', { restarts: 2, last_failure: 'x', up_after_ms: 7 })])
  expect(await machineStatus({ home: at.home })).toMatchObject({
    running: true,
    state: 'ready',
    port: 40_000,
    pid: 2,
    restarts: 2,
    lastFailure: 'x',
    upAfterMs: 7,
  })
})

test('without a keeper there is no machine: status says so, stop does nothing, a restart fails', async () => {
  const folder = stack.use(await mkdtempDisposable(join(tmpdir(), 'vulcan-keeper-')))
  expect(await machineStatus({ home: folder.path })).toEqual({ running: false })
  expect(await stopMachine({ home: folder.path })).toBe(false)
  await expect(restartServer({ home: folder.path })).rejects.toMatchObject({ code: 'machine_failed' })
})

test('a socket that a killed keeper left behind is no machine', async () => {
  const folder = stack.use(await mkdtempDisposable(join(tmpdir(), 'vulcan-keeper-')))
  const places = placesOf(folder.path)
  await mkdir(places.dir)
  await writeFile(places.control, '')
  expect(await machineStatus({ home: folder.path })).toEqual({ running: false })
})

test('stop resolves when the keeper has hung up', async () => {
  const at = await keeper([status('ready')], (op, say, socket) => {
    if (op !== 'stop') return
    say(status('stopping'))
    say(status('stopped'))
    socket.end()
  })
  expect(await stopMachine({ home: at.home })).toBe(true)
})

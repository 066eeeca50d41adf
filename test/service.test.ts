/** What a service manager sees of a server, and what our units for systemd rely on. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { exits } from '../src/cli/exits.ts'
import { Identity } from '../src/cli/identity.ts'
import { readServerFile } from '../src/cli/serverfile.ts'

const root = resolve(import.meta.dirname, '..')

/** A home on the fake backend, and beside it what systemd has: a way for a server to say that it is ready. */
async function place() {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-service-'))
  const home = join(folder.path, 'home')
  await mkdir(join(folder.path, 'bin'))
  await writeFile(join(folder.path, 'bin/systemd-notify'), '#!/bin/sh\n', { mode: 0o755 })
  const env = {
    PATH: `${join(folder.path, 'bin')}:${process.env['PATH']}`,
    ...{ VULCAN_HOME: home, VULCAN_BACKEND: 'fake', VULCAN_SERVER_PORT: '0' },
  }
  return { home, env, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

const main = join(root, 'src/main.ts')

/** The server as a unit starts it; resolves when it listens. */
async function startServer(env: Record<string, string>) {
  const server = spawn(process.execPath, [main, 'serve'], {
    env: { ...env, NOTIFY_SOCKET: '/run/nobody', VULCAN_READY_FD: '3' },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const ended = once(server, 'close').then(([status]: unknown[]) => status)
  await once(server.stdio[3] as Readable, 'data')
  return { server, ended }
}

/** A server that is told to end as soon as it listens, or that ends by itself: its status and what it said. */
async function shortServer(env: Record<string, string>) {
  const server = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (data: Buffer) => {
    said += data.toString()
    if (said.includes('listens at')) server.kill('SIGINT')
  })
  const [status] = (await once(server, 'close')) as [number | null]
  return { status, said }
}

/** A service manager in small: a server that asks for the next one gets it; any other end is the service's. */
async function manage(env: Record<string, string>) {
  const pids: number[] = []
  let current = await startServer(env)
  const follow = async (): Promise<unknown> => {
    pids.push(current.server.pid as number)
    const status = await current.ended
    if (status !== exits.handedOver) return status
    current = await startServer(env)
    return follow()
  }
  return { pids, over: follow() }
}

test('a server that hands its runs over says so by its exit status, one that was ended exits with 0', async () => {
  await using at = await place()
  const endedBy = async (signal: NodeJS.Signals) => {
    const { server, ended } = await startServer(at.env)
    server.kill(signal)
    return ended
  }
  expect(await endedBy('SIGTERM')).toBe(exits.handedOver)
  expect(await endedBy('SIGINT')).toBe(0)
})

test('a command line of another build has the service replace its server, and starts none of its own', async () => {
  await using at = await place()
  const service = await manage(at.env)
  const vulcan = async (...words: string[]) => {
    const [status] = (await once(spawn(process.execPath, [main, ...words], { env: at.env }), 'close')) as [unknown]
    return status
  }
  const program = join(at.home, 'a.py')
  await writeFile(program, '# fake: exit 7')
  expect(await vulcan('run', program)).toBe(7)
  expect(service.pids).toHaveLength(1)
  // What a server starts vms with is a part of its build.
  await mkdir(join(at.home, 'assets'))
  await writeFile(join(at.home, 'assets/current.json'), '{"kernel":"kernel-of-another-build"}')
  expect(await vulcan('run', program)).toBe(7)
  expect(service.pids).toHaveLength(2)
  expect(await readServerFile(at.home)).toMatchObject({ pid: service.pids[1], service: true })
  expect(await vulcan('down')).toBe(0)
  expect(await service.over).toBe(0)
})

test('what a service says has a level for the journal, elsewhere a time; why it does not start is an error', async () => {
  await using at = await place()
  const notified = { ...at.env, NOTIFY_SOCKET: '/run/nobody' }
  expect((await shortServer(notified)).said).toMatch(
    /^<6>vulcan: the server listens at \S+\n<6>vulcan: the server stops\n$/,
  )
  expect((await shortServer(at.env)).said).toMatch(/^\d{4}-\d\d-\d\dT\S+Z vulcan: the server listens at /)
  await using other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const port = String((other.address() as AddressInfo).port)
  const refused = await shortServer({ ...notified, VULCAN_SERVER_PORT: port })
  // What comes without a level is a crash.
  expect(await unit('vulcan.service')).toContain('SyslogLevel=warning')
  // Another status than that of wrong settings, after which systemd tries no more: who has the port may go.
  expect(refused.status).toBe(exits.vulcan)
  expect(refused.said).toContain(`<3>vulcan: host_unfit: port ${port} is taken; set server.port`)
})

test('a server proves itself by a secret of its own, new at each start, or by the one that it is given', async () => {
  await using at = await place()
  const secretOf = async (env: Record<string, string>) => {
    const { server, ended } = await startServer({ ...at.env, ...env })
    const path = join(at.home, 'server.json')
    const { mode } = await stat(path)
    const file = await readServerFile(at.home)
    const identity = new Identity(at.home)
    await identity.prove(AbortSignal.timeout(60_000))
    server.kill('SIGINT')
    await ended
    return { mode: mode & 0o777, secret: file?.secret }
  }
  const [first, second] = [await secretOf({}), await secretOf({})]
  expect(first).toEqual({ mode: 0o600, secret: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
  expect(second.secret).not.toBe(first.secret)
  const given = 'a'.repeat(64)
  expect((await secretOf({ VULCAN_SERVER_SECRET: given })).secret).toBe(given)
})

/** The words of a unit's file, as `Name=value` lines. */
async function unit(name: string): Promise<string[]> {
  return (await readFile(join(root, 'deploy/systemd', name), 'utf8')).split('\n').filter((line) => /^\w+=/.test(line))
}

test('a reload of the service is a hand-over, after which the next server is started; a stop ends what runs', async () => {
  const lines = await unit('vulcan.service')
  expect(lines).toContain('ExecReload=/bin/kill -TERM $MAINPID')
  expect(lines).toContain(`RestartForceExitStatus=${exits.handedOver}`)
  expect(lines).toContain('KillSignal=SIGINT')
})

test('vms outlive their server: they live in the cgroup of another unit, and no mount is the server’s alone', async () => {
  const lines = await unit('vulcan.service')
  expect(lines).toContain('Environment=VULCAN_CGROUP=/system.slice/vulcan-vms.service')
  expect(lines).toContain('BindsTo=vulcan-vms.service')
  // Each of these gives the service mounts of its own, and the next server would not see the jails' and namespaces'.
  const apart =
    /^(Private(Tmp|Devices|Mounts|Network|IPC)|Protect(System|Home|Kernel\w+|ControlGroups|Proc)|(Read\w+|Inaccessible|Exec|NoExec)Paths|TemporaryFileSystem|Bind\w*Paths|Root\w+|DynamicUser|MountFlags)=/
  expect(lines.filter((line) => apart.test(line))).toEqual([])
  expect(await unit('vulcan-vms.service')).toEqual(expect.arrayContaining(['Delegate=yes']))
})

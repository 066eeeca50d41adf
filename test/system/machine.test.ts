/** The host machine, each test on a real one of its own: QEMU, kernel, init and keeper; small, next to the shared one. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { VulcanError } from '../../src/api/errors.ts'
import { run } from '../../src/base/process.ts'
import { machineExec } from '../../src/machine/exec.ts'
import { machineStatus, restartServer, stopMachine, type RunningMachine } from '../../src/machine/machine.ts'
import type { StartOptions } from '../../src/machine/options.ts'
import { placesOf } from '../../src/machine/places.ts'
import { openSession } from '../../src/machine/session.ts'
import { startMachine } from '../../src/machine/start.ts'
import { eventually, isGone } from './outside.ts'
import { root } from './places.ts'
import { ask, server, smallMachine } from './smallmachine.ts'

let home = ''
let app = ''
let options: StartOptions

beforeAll(async () => {
  ;({ home, app, options } = await smallMachine())
}, 900_000)

afterAll(async () => {
  await stopMachine({ home })
  await rm(join(home, '..'), { recursive: true, force: true })
}, 60_000)

function exec(argv: readonly string[], more: { input?: string | Uint8Array; timeoutMs?: number } = {}) {
  return machineExec({ home, argv, ...more })
}

async function running(): Promise<RunningMachine> {
  const status = await machineStatus({ home })
  if (!status.running) throw new Error('the machine does not run')
  return status
}

test('the machine outlives the command that started it, also when that was killed', async () => {
  const script = `import { startMachine } from ${JSON.stringify(join(root, 'src/machine/start.ts'))}
    await startMachine(${JSON.stringify(options)})
    console.log('started')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', () => reject(new Error('the command ended before the machine had started')))
  })
  const { pid, restarts } = await running()
  const ended = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-(child.pid ?? 0), 'SIGKILL')
  await ended
  const status = await running()
  expect(status).toMatchObject({ state: 'ready', pid, restarts, memMib: 1024, cores: 1 })
  expect(await ask(status.port)).toBe('first')
}, 300_000)

test('a second start finds it running', async () => {
  const before = await running()
  const [one, other] = await Promise.all([startMachine(options), startMachine(options)])
  expect([one.pid, other.pid]).toEqual([before.pid, before.pid])
  expect(other.readyAfterMs).toBe(before.readyAfterMs)
})

test('it has what vms need: KVM, nested paging, cgroup v2 with its controllers, tun, nftables', async () => {
  const script = `
    grep -o -w -m1 svm /proc/cpuinfo | head -1
    cat /sys/module/kvm_amd/parameters/npt
    cat /sys/fs/cgroup/cgroup.subtree_control
    ip tuntap add t0 mode tap && ip link add v0 type veth peer name v1 && ip link add b0 type bridge
    tc qdisc add dev t0 ingress
    tc filter add dev t0 parent ffff: protocol all u32 match u8 0 0 action mirred egress redirect dev v0
    nft add table inet t && nft add chain inet t c '{ type nat hook postrouting priority 100; }'
    nft add rule inet t c ip saddr 10.0.0.0/8 masquerade
    ip link del t0 && ip link del v0 && ip link del b0 && nft delete table inet t && echo made`
  const { stdout, stderr, code } = await exec(['sh', '-c', script])
  expect(code, stderr).toBe(0)
  const [flag, paging, controllers, made] = stdout.trim().split('\n')
  expect([flag, made]).toEqual(['svm', 'made'])
  expect(paging).toMatch(/^[Y1]$/)
  expect(controllers?.split(' ').sort()).toEqual(['cpu', 'cpuset', 'io', 'memory', 'pids'])
})

test('no program runs on its first processor, which QEMU gets wrong', async () => {
  const { stdout } = await exec(['grep', 'Cpus_allowed_list', '/proc/self/status'])
  expect(stdout.split(/\s+/)[1]).toBe('1')
})

test('exec keeps the streams apart and gives the exit status or the signal', async () => {
  expect(await exec(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
    ...{ code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' },
  })
  expect(await exec(['sh', '-c', 'kill -9 $$'])).toMatchObject({ code: null, signal: 'SIGKILL' })
  await expect(exec(['no-such-program'])).rejects.toMatchObject({ code: 'machine_failed' })
})

test('a megabyte goes in and comes out unharmed', async () => {
  const sent = randomBytes(1 << 20)
  const { stdout } = await exec(['sha256sum'], { input: sent })
  expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(sent).digest('hex'))
  const text = sent.toString('hex').slice(0, 1 << 20)
  expect((await exec(['cat'], { input: text })).stdout).toBe(text)
})

test('more programs than ports take turns', async () => {
  const all = await Promise.all(Array.from({ length: 7 }, (_, i) => exec(['sh', '-c', `echo ${i}`])))
  expect(all.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 7 }, (_, i) => `${i}\n`))
})

test('a program whose caller goes away is killed, and the port serves the next one', async () => {
  const session = await openSession(placesOf(home), { argv: ['sleep', '86399'] })
  expect((await exec(['pgrep', '-f', 'sleep 86399'])).code).toBe(0)
  await session[Symbol.asyncDispose]()
  await eventually('the end of the program', async () => {
    const { code } = await exec(['pgrep', '-x', 'sleep'])
    return code === 1 ? true : undefined
  })
  await expect(exec(['sleep', '86398'], { timeoutMs: 500 })).rejects.toThrow(/sleep/)
  expect((await exec(['echo', 'still here'])).stdout).toBe('still here\n')
})

test('a terminal in the machine has our size', async () => {
  const tty = { rows: 30, cols: 100, term: 'xterm' }
  await using session = await openSession(placesOf(home), { argv: ['sh', '-c', 'tty && stty size'], tty })
  let said = ''
  for await (const event of session.events(AbortSignal.timeout(20_000))) {
    said += event.kind === 'output' ? Buffer.from(event.data).toString() : `exit ${event.code}`
  }
  expect(said).toMatch(/^\/dev\/pts\/\d+\r\n30 100\r\nexit 0$/)
})

test('the port is forwarded on 127.0.0.1 only', async () => {
  const { port } = await running()
  expect(await ask(port)).toBe('first')
  const { stdout } = await run(['ss', '-Hltn', `sport = :${port}`])
  expect(stdout.trim().split(/\s+/)[3]).toBe(`127.0.0.1:${port}`)
  expect(stdout.trim().split('\n')).toHaveLength(1)
})

test('restricted, it does not even reach the host', async () => {
  await using listener = createServer((socket) => socket.end('reached'))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const script = `const socket = require('node:net').connect(${port}, '10.0.2.2')
    socket.on('connect', () => process.exit(1)).on('error', () => process.exit(0))
    setTimeout(() => process.exit(0), 1500)`
  expect((await exec(['/usr/local/bin/node', '-e', script])).code).toBe(0)
})

test('it sees the newest files of the host, and cannot write them', async () => {
  for (const text of ['one', 'another, longer', 'x']) {
    await writeFile(join(app, 'file'), text)
    expect((await exec(['cat', '/opt/vulcan/file'])).stdout).toBe(text)
  }
  const { code, stderr } = await exec(['sh', '-c', 'echo y > /opt/vulcan/file'])
  expect([code !== 0, stderr.includes('Read-only')]).toEqual([true, true])
})

test('a server that dies is started again', async () => {
  const { port, readyAfterMs } = await running()
  await expect(ask(port, '/die')).rejects.toThrow('fetch failed')
  await eventually('the next server', async () => ((await running()).readyAfterMs > readyAfterMs ? true : undefined))
  expect(await ask(port)).toBe('first')
})

test('the server is replaced by another, with the machine going on', async () => {
  const before = await running()
  await restartServer({ home, server: server('second') })
  expect(await ask(before.port)).toBe('second')
  expect((await startMachine({ ...options, server: server('third') })).pid).toBe(before.pid)
  expect(await ask(before.port)).toBe('third')
})

test('a server that cannot start is an error with its last words', async () => {
  const broken = { argv: ['sh', '-c', 'echo no such luck; exit 5'], env: { PATH: '/bin:/usr/bin' } }
  const error: unknown = await restartServer({ home, server: broken }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(VulcanError)
  expect((error as VulcanError).message).toContain('ended with 5')
  expect((error as VulcanError).hint).toContain('no such luck')
  await restartServer({ home, server: server('third') })
})

test('a machine that hangs is killed and started again with its data', async () => {
  expect((await exec(['sh', '-c', 'echo kept > /var/lib/vulcan/file && sync'])).code).toBe(0)
  const before = await running()
  process.kill(before.pid, 'SIGSTOP')
  const next = await eventually('the next machine', async () => {
    const status = await running()
    return status.pid !== before.pid && status.pid !== 0 ? status : undefined
  })
  expect(next).toMatchObject({ restarts: before.restarts + 1, port: before.port })
  expect(next.lastFailure).toContain('did not answer')
  // Its boot may stall, and be begun anew.
  const after = await eventually('its server', async () => {
    const status = await running()
    return status.state === 'ready' ? status : undefined
  })
  expect(await ask(after.port)).toBe('third')
  expect((await exec(['cat', '/var/lib/vulcan/file'])).stdout).toBe('kept\n')
  expect(await readFile(`${placesOf(home).consoleLog}.1`, 'utf8')).not.toBe('')
}, 240_000)

test('one of another initramfs, as before an upgrade, makes way for one of ours, with its data', async () => {
  const before = await running()
  const initramfs = join(home, '..', 'initramfs')
  await cp(options.initramfs, initramfs)
  const after = await startMachine({ ...options, initramfs, server: server('fourth') })
  expect(after.pid).not.toBe(before.pid)
  await eventually(`the end of ${before.pid}`, () => isGone(before.pid))
  expect(await ask(after.port)).toBe('fourth')
  expect((await exec(['cat', '/var/lib/vulcan/file'])).stdout).toBe('kept\n')
}, 240_000)

test('one that another checkout has started makes way: its server is that of the other', async () => {
  const before = await running()
  const other = join(home, '..', 'other')
  await cp(app, other, { recursive: true })
  const after = await startMachine({ ...options, shares: [{ tag: 'app', path: other }], server: server('fifth') })
  expect(after.pid).not.toBe(before.pid)
  await eventually(`the end of ${before.pid}`, () => isGone(before.pid))
  expect(await ask(after.port)).toBe('fifth')
}, 240_000)

test('stop powers it off, leaves a clean disk and no process', async () => {
  const { pid, keeperPid } = await running()
  expect(await stopMachine({ home })).toBe(true)
  expect(await machineStatus({ home })).toEqual({ running: false })
  for (const gone of [pid, keeperPid]) await eventually(`the end of ${gone}`, () => isGone(gone))
  const { stdout } = await run(['dumpe2fs', '-h', placesOf(home).dataDisk])
  expect(stdout).toMatch(/Filesystem state:\s+clean\n/)
  expect(stdout).not.toContain('needs_recovery')
  expect(await stopMachine({ home })).toBe(false)
}, 60_000)

test('a machine that cannot start is an error with the words of QEMU, and leaves nothing running', async () => {
  const error: unknown = await startMachine({ ...options, kernel: '/no/such/kernel' }).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(VulcanError)
  expect((error as VulcanError).code).toBe('machine_failed')
  expect((error as VulcanError).hint).toContain('/no/such/kernel')
  expect(await machineStatus({ home })).toEqual({ running: false })
}, 60_000)

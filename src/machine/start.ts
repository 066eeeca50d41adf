/**
 * The start of the host machine for computers without usable KVM: a Linux with a real /dev/kvm inside QEMU, where the
 * server runs. At most one for each $VULCAN_HOME. It outlives the command that starts it.
 */
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { VulcanError } from '../api/errors.ts'
import { writeAtomic } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import { ensureDataDisk } from './disk.ts'
import { connectKeeper, machineProtocol, spawnKeeper, type KeeperSpec, type MachineRecord } from './keeper.ts'
import { machineStatus, powerOff, replaceServer, type RunningMachine } from './machine.ts'
import { standardTimeouts, type StartOptions, type Timeouts } from './options.ts'
import { placesOf, type Places } from './places.ts'
import { qemuArgv } from './qemu.ts'
import { failure, waitFor } from './wait.ts'

/**
 * Starts of a machine that never came up, before it is given up: under emulation its first processor may lose its interrupts
 * while it boots (see `cores` in qemu.ts), which was seen twice in a row.
 */
const bootTries = 4

/**
 * Starts the machine, or finds it running, and resolves when its server listens. Throws VulcanError: `host_unfit` for a
 * QEMU that will not do, `machine_failed` with the last lines of the console or of the server.
 */
export async function startMachine(o: StartOptions): Promise<RunningMachine> {
  const places = placesOf(o.home)
  const times = { ...standardTimeouts, ...o.timeouts }
  await using _held = await lock(places.dir, o.signal ? { signal: o.signal } : {})
  await endUnfit(o, places)
  let client = await connectKeeper(places)
  const target = client && o.server && (await replaceServer(places, o.server)) ? 'restarted' : o.server ? 'ready' : 'up'
  if (!client) {
    await prepare(o, places, times)
    await spawnKeeper(o.tool, places)
    client = await connectKeeper(places)
  }
  if (!client) throw await failure(places, 'its keeper ended at once')
  using connected = client
  const timeoutMs = bootTries * times.boot + times.server
  await waitFor(connected, { target, places, timeoutMs, signal: o.signal })
  const status = await machineStatus(o)
  if (status.running) return status
  throw new VulcanError('machine_failed', 'the machine ended right after it had started', { step: 'status' })
}

/** A machine that is going down, or that does not fit, is waited for and ended. */
async function endUnfit(o: StartOptions, places: Places): Promise<void> {
  const found = await machineStatus(o)
  if (found.running && (found.state === 'stopping' || !fits(found, o))) await powerOff(places, o.signal)
}

/**
 * One whose init is of another version would not understand us; one of another kernel may lack what our server needs; and one
 * that sees another checkout would run the program that is there. Pure.
 */
export function fits(
  found: Pick<MachineRecord, 'protocol' | 'kernel' | 'initramfs' | 'shares'>,
  o: Pick<StartOptions, 'kernel' | 'initramfs' | 'shares'>,
): boolean {
  const isOurs = found.protocol === machineProtocol && found.kernel === o.kernel && found.initramfs === o.initramfs
  return isOurs && isDeepStrictEqual(found.shares, o.shares)
}

async function prepare(o: StartOptions, places: Places, times: Timeouts): Promise<void> {
  for (const dir of [places.dir, places.sockets, places.config]) await mkdir(dir, { recursive: true, mode: 0o700 })
  await ensureDataDisk(places.dataDisk, o.diskGib)
  if (o.server) await replaceServer(places, o.server)
  const port = o.hostPort === 0 ? await freePort() : o.hostPort
  const record: MachineRecord = {
    protocol: machineProtocol,
    kernel: o.kernel,
    initramfs: o.initramfs,
    shares: o.shares,
    port,
    memMib: o.memMib,
    cores: o.cores,
    qemuVersion: o.qemu.version,
    restrict: o.restrict,
  }
  const argv = qemuArgv({
    ...o,
    qemu: o.qemu.command,
    dataDisk: places.dataDisk,
    shares: [...o.shares, { tag: 'config', path: places.config }],
    forward: { hostPort: port, machinePort: o.machinePort },
    execSockets: places.exec,
  })
  const spec: KeeperSpec = { argv, about: record, ...keeping(places, times) }
  await writeAtomic(places.spec, `${JSON.stringify(spec)}\n`, 0o600)
}

const consoleLimitBytes = 1 << 20

function keeping(places: Places, times: Timeouts): Omit<KeeperSpec, 'argv' | 'about'> {
  return {
    control: places.control,
    console_log: places.consoleLog,
    console_limit_bytes: consoleLimitBytes,
    boot_timeout_ms: times.boot,
    boot_tries: bootTries,
    ping_every_ms: times.pingEvery,
    ping_timeout_ms: times.pingAnswer,
    stop_timeout_ms: times.stop,
    max_restarts: 5,
    restart_window_ms: 600_000,
  }
}

/** A port that was free a moment ago. Should another take it meanwhile, QEMU says so and the start fails. */
async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer().once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
  })
  return promise
}

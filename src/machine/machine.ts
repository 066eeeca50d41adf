/** The running machine, asked and told through its keeper. */
import { mkdir } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import { textIn, writeAtomic } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import { deadline, DeadlineExceeded } from '../base/time.ts'
import { connectKeeper, type KeeperClient, type KeeperStatus, type MachineRecord } from './keeper.ts'
import { standardTimeouts, type ServerCommand } from './options.ts'
import { placesOf, type Places } from './places.ts'
import { waitFor } from './wait.ts'

export type MachineStatus = { readonly running: false } | ({ readonly running: true } & RunningMachine)

export interface RunningMachine extends MachineRecord {
  /** `up` answers but its server does not listen; `ready` does both. */
  readonly state: KeeperStatus['state']
  /** Of QEMU. */
  readonly pid: number
  readonly keeperPid: number
  readonly uptimeS: number
  /** Milliseconds from QEMU's start; 0 while it is not so far. */
  readonly upAfterMs: number
  readonly readyAfterMs: number
  /** Times the keeper had to start QEMU again, and why the last time. */
  readonly restarts: number
  readonly lastFailure: string
}

/** What runs, asked of the keeper. */
export async function machineStatus(o: { readonly home: string }): Promise<MachineStatus> {
  using client = await connectKeeper(placesOf(o.home))
  if (!client) return { running: false }
  const status = await deadline('the machine’s status', { timeoutMs: 5000 }, (signal) => firstStatus(client, signal))
  if (!status || status.state === 'stopped' || status.state === 'failed') return { running: false }
  return {
    running: true,
    ...status.about,
    state: status.state,
    pid: status.qemu_pid,
    keeperPid: status.keeper_pid,
    uptimeS: Math.max(0, (Date.now() - status.started_unix_ms) / 1000),
    upAfterMs: status.up_after_ms,
    readyAfterMs: status.ready_after_ms,
    restarts: status.restarts,
    lastFailure: status.last_failure,
  }
}

async function firstStatus(client: KeeperClient, signal: AbortSignal): Promise<KeeperStatus | undefined> {
  for await (const event of client.events(signal)) if (event.event === 'status') return event
  return undefined
}

/** Milliseconds the keeper has to end after the machine's own deadline: SIGTERM and SIGKILL to QEMU come in it. */
const keeperEndMs = 15_000

/**
 * Powers the machine off and resolves when QEMU and its keeper are gone; false when none was running. The server gets
 * SIGTERM first and the data disk is unmounted; a machine that does not obey is killed.
 */
export async function stopMachine(o: { readonly home: string; readonly signal?: AbortSignal }): Promise<boolean> {
  const places = placesOf(o.home)
  await using _held = await lock(places.dir, o.signal ? { signal: o.signal } : {})
  return await powerOff(places, o.signal)
}

/** The same for a caller who holds the machine's lock. */
export async function powerOff(places: Places, signal: AbortSignal | undefined): Promise<boolean> {
  using client = await connectKeeper(places)
  if (!client) return false
  client.order('stop')
  const timeoutMs = standardTimeouts.stop + keeperEndMs
  try {
    await deadline('the end of the machine', { timeoutMs, signal }, (signal) => ended(client, signal))
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error
    throw new VulcanError('machine_failed', 'the machine’s keeper does not end', { step: 'stop', cause: error })
  }
  return true
}

async function ended(client: KeeperClient, signal: AbortSignal): Promise<void> {
  for await (const event of client.events(signal)) void event
}

/**
 * Starts the server in the machine anew, with another command where one is given, and resolves when it listens.
 * Throws VulcanError `machine_failed` when there is no machine or the server does not stay up.
 */
export async function restartServer(o: {
  readonly home: string
  readonly server?: ServerCommand
  readonly signal?: AbortSignal
}): Promise<void> {
  const places = placesOf(o.home)
  using client = await connectKeeper(places)
  if (!client) throw new VulcanError('machine_failed', 'no machine is running', { step: 'restart_server' })
  if (o.server) await replaceServer(places, o.server)
  await waitFor(client, { target: 'restarted', places, timeoutMs: standardTimeouts.server, signal: o.signal })
}

/** Leaves the server's command where the machine's init reads it at each start of the server. True when it is another one. */
export async function replaceServer(places: Places, server: ServerCommand): Promise<boolean> {
  const content = `${JSON.stringify(server)}\n`
  if ((await textIn(places.serverConfig)) === content) return false
  await mkdir(places.config, { recursive: true, mode: 0o700 })
  await writeAtomic(places.serverConfig, content, 0o600)
  return true
}

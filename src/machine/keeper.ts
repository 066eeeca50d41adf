/** The keeper (`vulcan-machine keep`): the detached process that owns QEMU. Here is its client and its start. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import { VulcanError } from '../api/errors.ts'
import { deadline, abortable } from '../base/time.ts'
import type { Places } from './places.ts'

/** Raised whenever what the host and the machine's init say to each other changes (src/machine/PROTOCOL.md). */
export const machineProtocol = 2

/** What a machine was started with. */
export interface MachineRecord {
  readonly protocol: number
  /** Paths, which name their content. */
  readonly kernel: string
  readonly initramfs: string
  /** Folders of the host that it sees, by their names in there: the program it runs is in one. */
  readonly shares: readonly { readonly tag: string; readonly path: string }[]
  /** Of 127.0.0.1 on the host; leads to the server. */
  readonly port: number
  readonly memMib: number
  readonly cores: number
  readonly qemuVersion: string
  readonly restrict: boolean
}

/** What `vulcan-machine keep` reads from its file; durations in milliseconds. */
export interface KeeperSpec {
  readonly argv: readonly string[]
  /** Told back in every status. */
  readonly about: MachineRecord
  readonly control: string
  readonly console_log: string
  readonly console_limit_bytes: number
  readonly boot_timeout_ms: number
  /** Starts of a machine that never came up. */
  readonly boot_tries: number
  readonly ping_every_ms: number
  readonly ping_timeout_ms: number
  readonly stop_timeout_ms: number
  readonly max_restarts: number
  readonly restart_window_ms: number
}

/** The state as the keeper tells it at connect and at every change. Milliseconds count from QEMU's start; 0: not so far. */
export interface KeeperStatus {
  readonly event: 'status'
  readonly state: 'starting' | 'up' | 'ready' | 'stopping' | 'stopped' | 'failed'
  readonly keeper_pid: number
  readonly qemu_pid: number
  readonly started_unix_ms: number
  readonly up_after_ms: number
  readonly ready_after_ms: number
  readonly restarts: number
  readonly last_failure: string
  readonly about: MachineRecord
}

/** The server in the machine ended; it is started again. */
export interface ServerExit {
  readonly event: 'server_exit'
  readonly code: number | null
  readonly signal: string | null
  readonly error?: string
  readonly asked?: boolean
  readonly restarts: number
  /** The last lines of its output. */
  readonly lines: readonly string[]
}

export type KeeperEvent =
  | KeeperStatus
  | ServerExit
  | { readonly event: 'up' | 'server_ready' | 'failed' | 'refused' | 'other' }

/** One JSON line of the keeper. What this version does not know is `other`: newer keepers may say more. */
export function parseEvent(line: string): KeeperEvent {
  const known = new Set(['status', 'server_exit', 'up', 'server_ready', 'failed', 'refused'])
  try {
    const message = JSON.parse(line) as { event?: unknown }
    return typeof message.event === 'string' && known.has(message.event) ? (message as KeeperEvent) : { event: 'other' }
  } catch (error) {
    if (error instanceof SyntaxError) return { event: 'other' }
    throw error
  }
}

/** A connection to the keeper. */
export class KeeperClient implements Disposable {
  readonly #socket: Socket
  readonly #interface: Interface
  readonly #lines: AsyncIterator<string>

  constructor(socket: Socket) {
    this.#socket = socket
    // Kept from being an uncaught error; whoever reads sees the end of the connection.
    socket.on('error', () => undefined)
    this.#interface = createInterface({ input: socket })
    // Taken here, since lines that come before there is an iterator are lost.
    this.#lines = this.#interface[Symbol.asyncIterator]()
  }

  order(op: 'stop' | 'restart_server'): void {
    this.#socket.write(`${JSON.stringify({ op })}\n`)
  }

  /** Everything the keeper says, the status first; ends when the keeper does, or with the signal's reason. */
  async *events(signal: AbortSignal): AsyncGenerator<KeeperEvent, void> {
    for (;;) {
      const next = await abortable(this.#lines.next(), signal)
      if (next.done) return
      yield parseEvent(next.value)
    }
  }

  [Symbol.dispose](): void {
    this.#interface.close()
    this.#socket.destroy()
  }
}

/** Connects to the keeper; undefined when none runs. */
export async function connectKeeper(places: Places): Promise<KeeperClient | undefined> {
  const socket = connect(places.control)
  try {
    await once(socket, 'connect')
    return new KeeperClient(socket)
  } catch (error) {
    socket.destroy()
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    throw new VulcanError('machine_failed', `the machine's keeper at ${places.control} cannot be asked: ${code}`, {
      step: 'connect',
      cause: error,
    })
  }
}

/** Milliseconds a keeper has to begin to listen; it does nothing before that but read its file. */
const listenTimeoutMs = 10_000

/** Starts a keeper that outlives this process, and resolves when it listens. */
export async function spawnKeeper(tool: string, places: Places): Promise<void> {
  const log = await open(places.keeperLog, 'w', 0o600)
  try {
    const child = spawn(tool, ['keep', places.spec], {
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', 'pipe', log.fd],
      detached: true,
    })
    const said = Promise.withResolvers<void>()
    child.on('error', said.reject)
    child.on('exit', (code, signal) => said.reject(new Error(`it ended at once (${code ?? signal})`)))
    child.stdout?.once('data', () => said.resolve())
    await deadline('the start of the machine’s keeper', { timeoutMs: listenTimeoutMs }, (signal) =>
      abortable(said.promise, signal),
    )
    child.stdout?.destroy()
    child.unref()
  } catch (cause) {
    throw new VulcanError('machine_failed', `the machine's keeper (${tool}) could not be started: ${String(cause)}`, {
      step: 'keeper',
      hint: `its words are in ${places.keeperLog}`,
      cause,
    })
  } finally {
    await log.close()
  }
}

/** What every command is given. */
import type { Readable } from 'node:stream'
import type { HostCheck } from '../api/doctor.ts'
import type { Say } from '../base/say.ts'
import type { Config, Loaded } from '../config.ts'
import type { Print, Streams } from './streams.ts'
import type { Terminal } from './terminal.ts'

export interface Serving {
  readonly signal: AbortSignal
  readonly say: Say
  /** Looks at the host that the server runs on. */
  readonly diagnose: () => Promise<readonly HostCheck[]>
}

/** What main.ts wires for the command line, which itself knows neither scheduler, server nor Firecracker. */
export interface Wiring {
  /** The package's root: dist/, images/, native/. */
  readonly root: string
  /** The program's own file, run by Node. */
  readonly program: string
  readonly version: string
  /** Runs the server until it is told to stop; resolves with the exit status. */
  readonly serve: (loaded: Loaded, o: Serving) => Promise<number>
  /** Chains of others in this host's firewall that drop what vms send. */
  readonly foreignDrops: (o: { instance: string }) => Promise<readonly string[]>
  /** Makes a copy of what a home keeps, a folder or a .tar.zst; resolves with its size in bytes. */
  readonly backUp: (o: { home: string; path: string; signal: AbortSignal }) => Promise<number>
  /** The process's own unless given. */
  readonly streams?: Streams
}

export interface Context extends Wiring {
  readonly loaded: Loaded
  readonly config: Config
  readonly terminal: Terminal
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  /** Writes results to stdout. */
  readonly print: Print
  /** Writes what a program wrote on its standard error to ours. */
  readonly printError: Print
  readonly stdin: Readable
  /** Of the terminal that stdout is, which tables fit; undefined when it is none. */
  readonly columns: number | undefined
}

/** A command's work; resolves with the exit status, 0 when nothing is given. */
export type Work = (context: Context) => Promise<number | void>

/** Wrong usage: the message is shown, and the exit status is 2. */
export class UsageError extends Error {}

/** Why the signal of a context was aborted. */
export class StoppedBy extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(signal)
    this.signal = signal
  }
}

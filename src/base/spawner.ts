/**
 * Commands run by a small process of its own (native/spawner). A fork stops a process for as long as its memory takes to be
 * shared: a server of 150 MiB for some milliseconds with KVM, and for a tenth of a second under emulation.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Socket } from 'node:net'
import { type Argv, type CommandOptions, type CommandResult, type End, noEnd, resultOf, Stop } from './process.ts'

export interface SpawnOptions extends CommandOptions {
  /** Path of a file at whose end goes what the command says; its result has none of it then. */
  readonly words?: string
}

/** As native/spawner/main.go has it. */
interface Answer {
  readonly id: number
  readonly code?: number
  readonly signal?: number
  readonly stdout: string
  readonly stderr: string
  readonly failure?: { readonly code: string; readonly message: string }
}

type Helper = ChildProcessByStdio<Socket, Socket, null>

const signals = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]))

export class Spawner implements AsyncDisposable {
  readonly #program: string
  readonly #waiting = new Map<number, (end: End) => void>()
  #helper: Helper | undefined
  #count = 0

  /** `program`: path of vulcan-spawner, which is started with the first command, and anew where it was lost. */
  constructor(program: string) {
    this.#program = program
  }

  /** Runs a command to its end. Resolves with its output; rejects with CommandFailed. */
  readonly run = async (argv: Argv, options: SpawnOptions = {}): Promise<CommandResult> => {
    const begun = performance.now()
    return resultOf(argv, await this.#ended(argv, options), { begun, ...options })
  }

  async #ended(argv: Argv, options: SpawnOptions): Promise<End> {
    if (options.signal?.aborted) return { ...noEnd, why: 'aborted' }
    const { promise, resolve } = Promise.withResolvers<End>()
    const helper = (this.#helper ??= this.#start())
    const id = (this.#count += 1)
    this.#waiting.set(id, resolve)
    // Whoever waits for a command keeps this process, and nobody else does.
    helper.stdout.ref()
    const { input, words } = options
    const env = options.env && Object.entries(options.env).map(([name, value]) => `${name}=${value}`)
    send(helper, { id, argv, env, input, words })
    using stop = new Stop(options, () => send(helper, { id, kill: true }))
    const end = await promise
    return stop.cause ? { ...end, why: stop.cause } : end
  }

  #start(): Helper {
    // In a session of its own: a signal to our process group is none of its commands'.
    const helper = spawn(this.#program, [], { stdio: ['pipe', 'pipe', 'inherit'], detached: true }) as unknown as Helper
    helper.unref()
    helper.stdin.unref()
    // That it is gone is told by its end.
    helper.stdin.on('error', () => undefined)
    let rest = ''
    helper.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#settle(JSON.parse(line) as Answer)
    })
    helper.on('error', (cause) => this.#lose(helper, { why: 'spawn', cause }))
    helper.on('close', (code, signal) => {
      const cause = new Error(`vulcan-spawner was ended by ${signal ?? `code ${code}`}`)
      this.#lose(helper, { why: 'lost', cause })
    })
    return helper
  }

  #settle(answer: Answer): void {
    this.#waiting.get(answer.id)?.(endOf(answer))
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#helper?.stdout.unref()
  }

  /** What it ran may go on, as it would if this process were gone. */
  #lose(helper: Helper, how: Pick<End, 'why' | 'cause'>): void {
    if (this.#helper !== helper) return
    this.#helper = undefined
    for (const resolve of this.#waiting.values()) resolve({ ...noEnd, ...how })
    this.#waiting.clear()
  }

  /** Resolves when the last command has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const helper = this.#helper
    if (!helper || helper.exitCode !== null || helper.signalCode !== null) return
    helper.ref()
    helper.stdin.end()
    await once(helper, 'close')
  }
}

function send(helper: Helper, message: object): void {
  helper.stdin.write(`${JSON.stringify(message)}\n`)
}

function endOf({ code, signal, stdout, stderr, failure }: Answer): End {
  if (failure)
    return { ...noEnd, why: 'spawn', cause: Object.assign(new Error(failure.message), { code: failure.code }) }
  if (signal !== undefined) return { why: 'signal', code: undefined, signal: signals.get(signal), stdout, stderr }
  return { why: 'exit', code, signal: undefined, stdout, stderr }
}

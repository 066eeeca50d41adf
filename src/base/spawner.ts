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
  /** Stdout was longer. */
  readonly cut?: true
  readonly failure?: { readonly code: string; readonly message: string }
}

/** First word of the commands that a spawner does itself, without a process; native/spawner/main.go lists them. */
export const spawnerItself = 'vulcan-spawner'

type Helper = ChildProcessByStdio<Socket, Socket, null>

const signals = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]))

/** From a kill to the answer, in milliseconds; what a kernel does not let go of is not waited for. */
const answerMs = 5000
/** From the last answer to the end of the process, in milliseconds; then it is killed. */
const closeMs = 5000

export class Spawner implements AsyncDisposable {
  readonly #program: string
  readonly #waiting = new Map<number, PromiseWithResolvers<End>>()
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
    try {
      this.#helper ??= this.#start()
    } catch (cause) {
      return { ...noEnd, why: 'spawn', cause }
    }
    const helper = this.#helper
    const waiting = Promise.withResolvers<End>()
    const id = (this.#count += 1)
    this.#waiting.set(id, waiting)
    hold(helper)
    const { input, words } = options
    const env = options.env && Object.entries(options.env).map(([name, value]) => `${name}=${value}`)
    send(helper, { id, argv, env, input, words })
    let unanswered: NodeJS.Timeout | undefined
    using stop = new Stop(options, () => {
      send(helper, { id, kill: true })
      unanswered = setTimeout(() => waiting.resolve({ ...noEnd, why: 'lost' }), answerMs)
    })
    const end = await waiting.promise
    clearTimeout(unanswered)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) letGo(helper)
    return stop.cause ? { ...end, why: stop.cause } : end
  }

  /** Throws where there is no process at all. */
  #start(): Helper {
    // In a session of its own: a signal to our process group is none of its commands'.
    const helper = spawn(this.#program, [], { stdio: ['pipe', 'pipe', 'inherit'], detached: true }) as unknown as Helper
    helper.on('error', (cause) => this.#lose(helper, { why: 'spawn', cause }))
    if ((helper.stdin as Socket | undefined) === undefined)
      throw new Error(`there are no pipes for ${this.#program}: too many open files`)
    helper.on('close', (code, signal) => {
      const cause = new Error(`vulcan-spawner was ended by ${signal ?? `code ${code}`}`)
      this.#lose(helper, { why: 'lost', cause })
    })
    helper.stdin.unref()
    // That it is gone is told by its end.
    helper.stdin.on('error', () => undefined)
    const parts: string[] = []
    helper.stdout.setEncoding('utf8').on('data', (text: string) => {
      const [first = '', ...others] = text.split('\n')
      parts.push(first)
      for (const next of others) this.#settle(JSON.parse(parts.splice(0, parts.length, next).join('')) as Answer)
    })
    return helper
  }

  #settle(answer: Answer): void {
    this.#waiting.get(answer.id)?.resolve(endOf(answer))
  }

  /** What it ran ends with it. */
  #lose(helper: Helper, how: Pick<End, 'why' | 'cause'>): void {
    if (this.#helper !== helper) return
    this.#helper = undefined
    for (const { resolve } of this.#waiting.values()) resolve({ ...noEnd, ...how })
  }

  /** Resolves when the last command has ended, which are ended by their own deadlines alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Their kills go the same way as their orders, which has to be open.
    while (this.#waiting.size > 0) await Promise.all([...this.#waiting.values()].map(({ promise }) => promise))
    const helper = this.#helper
    if (!helper) return
    const closed = once(helper, 'close')
    helper.ref()
    helper.stdin.end()
    const timer = setTimeout(() => helper.kill('SIGKILL'), closeMs)
    await closed
    clearTimeout(timer)
  }
}

function send(helper: Helper, message: object): void {
  helper.stdin.write(`${JSON.stringify(message)}\n`)
}

/** Whoever waits for a command keeps this process, and nobody else does. */
function hold(helper: Helper): void {
  helper.ref()
  helper.stdout.ref()
}

function letGo(helper: Helper): void {
  helper.unref()
  helper.stdout.unref()
}

function endOf({ code, signal, stdout, stderr, cut, failure }: Answer): End {
  if (failure)
    return { ...noEnd, why: 'spawn', cause: Object.assign(new Error(failure.message), { code: failure.code }) }
  if (signal !== undefined) return { why: 'signal', code: undefined, signal: signals.get(signal), stdout, stderr }
  // Part of what it said would be taken for all of it.
  return { why: cut && code === 0 ? 'output' : 'exit', code, signal: undefined, stdout, stderr }
}

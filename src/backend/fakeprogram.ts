/** A scripted program: it goes on whether a run holds it or not, and keeps its output until that is acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DenialRule } from '../api/denial.ts'
import { outputWindowBytes, type Chunk, type Exit, type KillReason, type RunSpec, type Seen } from './backend.ts'
import { denialKey, mostDenials, type Denial, type Denials } from './denial.ts'
import type { Directive } from './fakescript.ts'
import { Retained } from './retained.ts'

export class FakeProgram {
  readonly spec: RunSpec
  readonly exited: Promise<Exit>
  readonly retained = new Retained()
  /** Of what was refused: by destination, in the order it first was. */
  readonly #denied = new Map<string, Denial>()
  #deniedOthers = 0
  readonly #script: readonly Directive[]
  readonly #stop = new AbortController()
  #killed: KillReason | undefined
  #ended = false
  #result: string | undefined
  #changed = Promise.withResolvers<void>()

  constructor(spec: RunSpec, script: readonly Directive[]) {
    this.spec = spec
    this.#script = script
    this.exited = this.#drive()
  }

  /** True when no more output comes. */
  get silent(): boolean {
    return this.#ended || this.#killed !== undefined
  }

  /** Undefined where nothing was refused. */
  get denials(): Denials | undefined {
    if (this.#denied.size === 0) return undefined
    return { known: [...this.#denied.values()], others: this.#deniedOthers }
  }

  /** Resolves when there is more output, or room for more, or an end. */
  get changed(): Promise<void> {
    return this.#changed.promise
  }

  acknowledge(seen: Seen): void {
    this.retained.acknowledge(seen)
    this.notify()
  }

  kill(reason: KillReason): void {
    if (this.silent) return
    this.#killed = reason
    this.#stop.abort(new Error(reason))
    this.notify()
  }

  /** Wakes whoever waits for a change, also of who holds the program. */
  notify(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }

  async #drive(): Promise<Exit> {
    const end = await this.#untilEnd()
    this.#ended = true
    this.notify()
    const usage = { cpuMs: 1, peakMemMib: 1, throttledMs: 0, diskWrittenBytes: 0, netRxBytes: 0, netTxBytes: 0 }
    const exit: Exit = this.#killed ? { by: this.#killed, signal: 'SIGKILL', message: `ended: ${this.#killed}` } : end
    // A guest that is lost says nothing of that.
    return {
      ...exit,
      ...(exit.by !== 'vm_lost' && { usage }),
      ...(this.#result !== undefined && { result: this.#result }),
    }
  }

  /** Follows the script until it ends or somebody kills the program. */
  async #untilEnd(): Promise<Exit> {
    for (const directive of this.#script) {
      if (this.#killed) break
      const exit = await this.#step(directive)
      if (exit) return exit
    }
    return { by: 'program', code: 0 }
  }

  async #step({ word, rest }: Directive): Promise<Exit | undefined> {
    switch (word) {
      case 'print':
        return this.#write('stdout', `${rest}\n`)
      case 'now':
        return this.#write('stdout', `${performance.timeOrigin + performance.now()}\n`)
      case 'error':
        return this.#write('stderr', `${rest}\n`)
      case 'base64':
        return this.#write('stdout', Uint8Array.fromBase64(rest))
      case 'flood':
      case 'count':
        for (const piece of (word === 'flood' ? flooded : countedTo)(Number(rest))) await this.#write('stdout', piece)
        return undefined
      case 'stdin':
        return this.#write('stdout', this.spec.stdin ?? this.spec.input ?? '')
      case 'spec':
        return this.#write('stdout', JSON.stringify(givenTo(this.spec)))
      case 'deny':
        return this.#deny(rest)
      case 'sleep':
        return this.#sleep(Number(rest))
      case 'result':
        this.#result = rest
        return undefined
      case 'exit':
      case 'signal':
      case 'oom':
      case 'disk_full':
      case 'vm_lost':
        return endBy(word, rest)
      case 'start':
      case 'fail':
      case 'template':
      case 'ready':
      case 'facts':
        return undefined
    }
  }

  /** Ended early only by a kill, which the caller sees. One that was let go of keeps no process alive. */
  async #sleep(ms: number): Promise<undefined> {
    await sleep(ms, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined)
  }

  #deny(words: string): undefined {
    const [rule, protocol = '', where = '', more] = words.split(' ')
    const packet = { address: where, ...(more !== undefined && { port: Number(more) }) }
    const name = { host: where, ...(more !== undefined && { address: more }) }
    const target = { rule: rule as DenialRule, protocol, ...(protocol === 'dns' ? name : packet) }
    const key = denialKey(target)
    const { count, firstAt } = this.#denied.get(key) ?? { count: 0, firstAt: Date.now() }
    if (count === 0 && this.#denied.size === mostDenials) this.#deniedOthers += 1
    else this.#denied.set(key, { ...target, count: count + 1, firstAt })
    this.notify()
  }

  /** Hands output over; waits while too much of it is unacknowledged. What a killed program writes is dropped. */
  async #write(stream: Chunk['stream'], data: string | Uint8Array): Promise<undefined> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    if (this.#killed || bytes.length === 0) return
    this.retained.add({ stream, data: bytes })
    this.notify()
    while (this.retained.bytes > outputWindowBytes && !this.#killed) await this.changed
  }
}

function endBy(word: 'exit' | 'signal' | 'oom' | 'disk_full' | 'vm_lost', rest: string): Exit {
  if (word === 'exit') return { by: 'program', code: Number(rest) }
  if (word === 'signal') return { by: 'program', signal: rest }
  return { by: word, message: `scripted: ${word}`, ...(rest !== '' && { vmCpuMs: Number(rest) }) }
}

function* flooded(bytes: number): Generator<string | Buffer> {
  for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), 'x')
}

/** The numbers from 1, a line of 63 characters each, a thousand lines a piece. */
function* countedTo(last: number): Generator<string | Buffer> {
  for (let first = 1; first <= last; first += 1000) {
    const lines = Array.from(
      { length: Math.min(1000, last - first + 1) },
      (_, index) => `${`${first + index}`.padStart(63, '0')}\n`,
    )
    yield lines.join('')
  }
}

/** What a program is told of itself. */
const givenTo = ({ args, env, entrypoint }: RunSpec): object => ({ args, env, entrypoint })

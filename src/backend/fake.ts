/** The scripted backend, for tests and `--backend fake`: it runs no program but does what directives in the code say. */
import { VulcanError } from '../api/errors.ts'
import { Channel } from '../base/channel.ts'
import { sleep } from '../base/time.ts'
import type {
  Backend,
  Capabilities,
  Chunk,
  Cleaned,
  CleanupOptions,
  Exit,
  KillReason,
  Run,
  RunFacts,
  RunSpec,
} from './backend.ts'
import { directivesOf, type Directive } from './fakescript.ts'

export interface FakeOptions {
  readonly node?: string
}

export class FakeBackend implements Backend {
  readonly name = 'fake'
  /** Ids of runs that were not taken down yet, for tests of what is left behind. */
  readonly live = new Map<string, FakeRun>()
  readonly #node: string

  constructor(options: FakeOptions = {}) {
    this.#node = options.node ?? 'fake'
  }

  capabilities(): Promise<Capabilities> {
    return Promise.resolve({
      available: true,
      isolation: ['microvm'],
      runtimes: ['python', 'node', 'go'],
      details: { scripted: true },
    })
  }

  async execute(spec: RunSpec, signal: AbortSignal): Promise<Run> {
    signal.throwIfAborted()
    const begun = performance.now()
    const script = directivesOf(spec)
    for (const { word, rest } of script) {
      if (word === 'start') await sleep(Number(rest), signal)
      if (word === 'fail') throw new VulcanError('vm_start_failed', rest, { step: 'fake' })
    }
    const bootMs = performance.now() - begun
    const run = new FakeRun({ spec, script, bootMs, node: this.#node, gone: () => this.live.delete(spec.id) })
    this.live.set(spec.id, run)
    return run
  }

  recover(id: string): Promise<Run | undefined> {
    return Promise.resolve(this.live.get(id))
  }

  async cleanup(keep: ReadonlySet<string>, o: CleanupOptions = {}): Promise<Cleaned> {
    const stale = [...this.live.values()].filter((run) => !keep.has(run.id))
    if (!o.dryRun) await Promise.all(stale.map((run) => run[Symbol.asyncDispose]()))
    return stale.length > 0 ? { run: stale.length } : {}
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.live.values()].map((run) => run[Symbol.asyncDispose]()))
  }
}

interface FakeParts {
  readonly spec: RunSpec
  readonly script: readonly Directive[]
  /** How long it took to start, in milliseconds. */
  readonly bootMs: number
  readonly node: string
  readonly gone: () => void
}

class FakeRun implements Run {
  readonly id: string
  readonly output = new Channel<Chunk>({ limit: 256 << 10, sizeOf: (chunk) => chunk.data.length })
  readonly exited: Promise<Exit>
  readonly #parts: FakeParts
  readonly #stop = new AbortController()
  readonly #begun = performance.now()
  #killed: KillReason | undefined
  #ended = false
  #result: string | undefined

  constructor(parts: FakeParts) {
    this.id = parts.spec.id
    this.#parts = parts
    this.exited = this.#drive()
  }

  facts(): RunFacts {
    const { node, bootMs } = this.#parts
    return {
      backend: 'fake',
      node,
      vmId: `fake-${this.id}`,
      start: 'boot',
      bootMs,
      phasesMs: { vm: bootMs, program: performance.now() - this.#begun },
      phasesAtMs: { vm: 0, program: bootMs },
      vsock: { status: this.#ended ? 'closed' : 'connected', rttUs: 0 },
    }
  }

  kill(reason: KillReason): void {
    if (this.#killed || this.#ended) return
    this.#killed = reason
    this.#stop.abort(new Error(reason))
    // Whoever waits for room in the channel goes on; what it writes is dropped.
    this.output.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('killed')
    await this.exited
    this.#parts.gone()
  }

  async #drive(): Promise<Exit> {
    const timer = setTimeout(() => this.kill('timeout'), this.#parts.spec.resources.timeoutMs)
    const end = await this.#script()
    clearTimeout(timer)
    this.#ended = true
    this.output.end()
    const usage = { cpuMs: 1, peakMemMib: 1, throttledMs: 0, diskWrittenBytes: 0, netRxBytes: 0, netTxBytes: 0 }
    const exit: Exit = this.#killed ? { by: this.#killed, signal: 'SIGKILL', message: `ended: ${this.#killed}` } : end
    return { ...exit, usage, ...(this.#result !== undefined && { result: this.#result }) }
  }

  /** Follows the script until it ends or somebody kills the run. */
  async #script(): Promise<Exit> {
    for (const directive of this.#parts.script) {
      if (this.#killed) break
      const exit = await this.#step(directive)
      if (exit) return exit
    }
    return { by: 'program', code: 0 }
  }

  async #step({ word, rest }: Directive): Promise<Exit | undefined> {
    const { spec } = this.#parts
    switch (word) {
      case 'print':
        return this.#write('stdout', `${rest}\n`)
      case 'error':
        return this.#write('stderr', `${rest}\n`)
      case 'base64':
        return this.#write('stdout', Uint8Array.fromBase64(rest))
      case 'flood':
        for (let left = Number(rest); left > 0 && !this.#killed; left -= 65_536) {
          await this.#write('stdout', Buffer.alloc(Math.min(left, 65_536), 'x'))
        }
        return undefined
      case 'stdin':
        return this.#write('stdout', spec.stdin ?? spec.input ?? '')
      case 'spec':
        return this.#write('stdout', JSON.stringify({ args: spec.args, env: spec.env, entrypoint: spec.entrypoint }))
      case 'sleep':
        // Ended early only by a kill, which the caller sees.
        await sleep(Number(rest), this.#stop.signal).catch(() => undefined)
        return undefined
      case 'result':
        this.#result = rest
        return undefined
      case 'exit':
        return { by: 'program', code: Number(rest) }
      case 'signal':
        return { by: 'program', signal: rest }
      case 'oom':
      case 'disk_full':
      case 'vm_lost':
        return { by: word, message: `scripted: ${word}` }
      case 'start':
      case 'fail':
        return undefined
    }
  }

  async #write(stream: Chunk['stream'], data: string | Uint8Array): Promise<undefined> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    if (bytes.length > 0) await this.output.write({ stream, data: bytes })
  }
}

/** One run: its program is followed to the end, its vm is taken down, and how it ended is told once. */
import type { Chunk, Exit, KillReason, Run, RunFacts, RunSpec } from '../backend/backend.ts'
import { Channel } from '../base/channel.ts'
import type { Scope } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import type { Session } from './agent.ts'
import { exitOf, wordsOf } from './exit.ts'
import { killAll } from './cgroup.ts'
import { buildOf, runOf } from './launch.ts'
import type { Phases } from './phases.ts'
import { exec, follow } from './program.ts'
import type { Vm } from './vm.ts'

export interface RunParts {
  readonly spec: RunSpec
  readonly image: Image
  readonly scope: Scope
  readonly vm: Vm
  readonly session: Session
  readonly phases: Phases
  readonly rttUs: number
  readonly backend: string
  readonly node: string
}

/** Bytes of output that wait for the reader before the program is made to wait. */
const outputBuffered = 1 << 20
/** From a kill to the program's end, in milliseconds; then the vm is killed as a whole. */
const killGraceMs = 10_000
/** For a build step (Go's compiler), in milliseconds; an empty cache costs minutes under emulation. */
const buildDeadlineMs = 300_000

export class FirecrackerRun implements Run {
  readonly id: string
  readonly output: Channel<Chunk>
  readonly #parts: RunParts
  readonly #exited = Promise.withResolvers<Exit>()
  readonly #stop = new AbortController()
  #killed: KillReason | undefined
  #ended = false
  #vsock: RunFacts['vsock']['status'] = 'connected'
  #timer: NodeJS.Timeout | undefined

  private constructor(parts: RunParts) {
    this.id = parts.spec.id
    this.#parts = parts
    this.output = new Channel({ limit: outputBuffered, sizeOf: (chunk) => chunk.data.length })
  }

  /** Starts the run's first program (its build, where the runtime has one); resolves once that runs. */
  static async start(parts: RunParts, signal: AbortSignal): Promise<FirecrackerRun> {
    const run = new FirecrackerRun(parts)
    const build = buildOf(parts.image, parts.spec)
    await exec(parts.session, build ?? runOf(parts.image, parts.spec), signal)
    void run.#drive(build !== undefined)
    return run
  }

  get exited(): Promise<Exit> {
    return this.#exited.promise
  }

  facts(): RunFacts {
    const { vm, phases, rttUs, backend, node } = this.#parts
    return {
      backend,
      node,
      vmId: vm.names.vmId,
      start: 'boot',
      bootMs: Math.round(vm.bootMs),
      phasesMs: phases.toRecord(),
      phasesAtMs: phases.begun(),
      vsock: { status: this.#vsock, rttUs },
    }
  }

  kill(reason: KillReason): void {
    if (this.#killed || this.#ended) return
    this.#killed = reason
    clearTimeout(this.#timer)
    this.#parts.session.send({ op: 'kill', signal: 'SIGKILL' })
    this.#timer = setTimeout(() => this.#abandon(), killGraceMs)
  }

  /** The guest keeps nothing back yet. */
  acknowledge(): void {}

  /** The guest cannot go on alone yet. */
  async release(): Promise<void> {
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('killed')
    await this.#exited.promise
    await this.#parts.scope.close()
  }

  /** The guest no longer does as it is told: its vm is killed, and nobody waits for its last words. */
  #abandon(): void {
    this.#stop.abort(new Error('the guest did not end its program'))
    this.output.end()
    // Closing the scope kills it too and reports what fails; this is only the quickest way.
    killAll(this.#parts.vm.names.cgroup).catch(() => undefined)
  }

  async #drive(building: boolean): Promise<void> {
    const exit = await this.#untilExit(building).catch((error: unknown): Exit => this.#lost(error))
    this.#ended = true
    clearTimeout(this.#timer)
    this.#vsock = exit.by === 'vm_lost' ? 'lost' : 'closed'
    this.#parts.session.close()
    this.output.end()
    this.#exited.resolve(exit)
  }

  async #untilExit(building: boolean): Promise<Exit> {
    const { spec, image, session, phases } = this.#parts
    if (building) {
      const built = await phases.time('build', () => this.#one(buildDeadlineMs, undefined))
      if (built.by === 'timeout')
        return { ...built, message: `killed: the build took longer than ${buildDeadlineMs / 1000} s` }
      if (built.by !== 'program' || built.code !== 0) return built
      // A kill that came between the two has nothing to kill in the guest any more.
      if (this.#killed) return { ...built, by: this.#killed, message: wordsOf(this.#killed, spec.resources) }
      await exec(session, runOf(image, spec), this.#stop.signal)
    }
    return phases.time('program', () => this.#one(spec.resources.timeoutMs, spec.stdin))
  }

  /** Follows the program that was just started: its input, its time, its output, its end. */
  async #one(timeoutMs: number, stdin: Uint8Array | undefined): Promise<Exit> {
    const { session, spec } = this.#parts
    this.#timer ??= setTimeout(() => this.kill('timeout'), timeoutMs)
    // A program that does not read its input must not keep us from reading its output.
    if (stdin) session.sendStdin(stdin, this.#stop.signal).catch(() => undefined)
    const told = await follow(session, (chunk) => this.output.write(chunk), this.#stop.signal)
    if (!this.#killed) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
    return exitOf({ ...told, killed: this.#killed, resources: spec.resources })
  }

  #lost(error: unknown): Exit {
    const { spec, vm } = this.#parts
    if (this.#killed) return { by: this.#killed, message: wordsOf(this.#killed, spec.resources) }
    const words = vm.process.lastWords.trim().split('\n').slice(-5).join('\n')
    const why = error instanceof Error ? error.message : String(error)
    return { by: 'vm_lost', message: `the microVM was lost: ${why}${words ? `\n${words}` : ''}` }
  }
}

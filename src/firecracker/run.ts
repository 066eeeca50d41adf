/** One run: its program is followed to the end, its vm is taken down, and how it ended is told once. */
import type { Chunk, Exit, KillReason, Run, RunFacts, RunSpec, Seen } from '../backend/backend.ts'
import type { RunDetails } from '../backend/details.ts'
import type { Conversation } from '../backend/conversation.ts'
import type { Denial } from '../backend/denial.ts'
import { Channel } from '../base/channel.ts'
import type { Scope } from '../base/scope.ts'
import { deadline } from '../base/time.ts'
import type { Image } from '../images/images.ts'
import type { Session } from './agent.ts'
import { killAll } from './cgroup.ts'
import { charged, withBuild } from './charge.ts'
import { exitOf, lost, unanswered, wordsOf } from './exit.ts'
import { buildOf, runOf } from './launch.ts'
import type { RefusalBook } from './network/watch.ts'
import type { Phases } from './phases.ts'
import { beginning, buildDeadlineMs, going, type Position, type TakenUp } from './position.ts'
import { type Bring, bringAndExec, exec, follow } from './program.ts'
import type { Attached } from './said.ts'
import type { Vm } from './vm.ts'
import { watchOver } from './watchdog.ts'
import { messageOf } from '../base/words.ts'

export interface RunParts {
  readonly spec: RunSpec
  readonly image: Image
  readonly scope: Scope
  readonly vm: Vm
  readonly session: Session
  readonly phases: Phases
  /** What is known of it so far; phases and the state of the session go on from there. */
  readonly known: RunFacts
  /** What its network refuses; absent where it has none. */
  readonly refusals?: RefusalBook | undefined
  /** What goes into the guest with its first program; absent where all is there. */
  readonly bring?: Bring | undefined
}

/** Bytes of output that wait for the reader before the program is made to wait. */
const outputBuffered = 1 << 20
/** What a chunk takes beside its bytes: a guest may send them one by one, a million to a MiB. */
const chunkCost = 512
/** Bytes of output that are acknowledged at once: each acknowledgement costs the guest a wake-up. */
const acknowledgedAtOnce = 256 << 10
/** For the guest to say that a program runs, in milliseconds; a second is usual under emulation. */
const startDeadlineMs = 60_000
/** From a kill to the program's end, in milliseconds; then the vm is killed as a whole. */
const killGraceMs = 10_000
/** How long a run waits for the next server, in milliseconds; then its vm ends itself. */
const keepMs = 600_000

async function* nothingDenied(): AsyncGenerator<Denial, void> {}

export class FirecrackerRun implements Run {
  readonly id: string
  readonly output: Channel<Chunk>
  readonly denied: AsyncIterable<Denial>
  readonly #parts: RunParts
  readonly #exited = Promise.withResolvers<Exit>()
  readonly #gone = Promise.withResolvers<'removed' | 'released'>()
  readonly #stop = new AbortController()
  #killed: KillReason | undefined
  #ended = false
  #disposing = false
  #released = false
  /** Of the newest program that was started here. */
  #interpreter: RunDetails['interpreter']
  #acknowledged = 0
  #vsock: RunFacts['vsock']['status'] = 'connected'
  #timer: NodeJS.Timeout | undefined

  private constructor(parts: RunParts) {
    this.id = parts.spec.id
    this.#parts = parts
    this.output = new Channel({ limit: outputBuffered, sizeOf: (chunk) => chunk.data.length + chunkCost })
    this.denied = parts.refusals?.news ?? nothingDenied()
  }

  /** Starts the run's first program (its build, where the runtime has one); resolves once that runs. */
  static async start(parts: RunParts, signal: AbortSignal): Promise<FirecrackerRun> {
    const run = new FirecrackerRun(parts)
    const tag = buildOf(parts.image, parts.spec) ? 'build' : 'program'
    await run.#exec(tag, signal, parts.bring)
    void run.#drive(beginning(parts.spec, tag))
    return run
  }

  /** Goes on with a run that the session was attached to. */
  static resume(parts: RunParts, attached: Attached, { seen, sinceStartMs, killed }: TakenUp): FirecrackerRun {
    const { spec, image, phases } = parts
    const run = new FirecrackerRun(parts)
    run.#acknowledged = seen.stdout + seen.stderr
    phases.add(attached.tag, attached.wall_us / 1000)
    // Its program may not have heard of it.
    if (killed) run.#killFor(killed)
    void run.#drive(going({ spec, builds: buildOf(image, spec) !== undefined, attached, sinceStartMs }))
    return run
  }

  get exited(): Promise<Exit> {
    return this.#exited.promise
  }

  /** Settles when its vm was removed or it was let go of; rejects when something of the vm is left. */
  get gone(): Promise<'removed' | 'released'> {
    return this.#gone.promise
  }

  facts(): RunFacts {
    const { known, phases, refusals } = this.#parts
    const { details } = known
    const interpreter = this.#interpreter ?? details?.interpreter
    return {
      ...known,
      ...(details && { details: { ...details, ...(interpreter && { interpreter }) } }),
      phasesMs: phases.toRecord(),
      phasesAtMs: phases.begun(),
      vsock: { ...known.vsock, status: this.#vsock },
      ...(refusals?.denials && { denials: refusals.denials }),
    }
  }

  conversation(): Conversation {
    return this.#parts.session.transcript.toRecord()
  }

  kill(reason: KillReason): void {
    if (this.#killed || this.#ended || this.#released) return
    this.#killFor(reason, this.#parts.vm.noteKill(reason))
  }

  /** `noted`: settles when the next server would know why the program is killed. */
  #killFor(reason: KillReason, noted: Promise<void> = Promise.resolve()): void {
    this.#killed = reason
    clearTimeout(this.#timer)
    const send = () => this.#parts.session.send({ op: 'kill', signal: 'SIGKILL' })
    void noted.then(send, send)
    this.#timer = setTimeout(() => this.#abandon(), killGraceMs)
  }

  acknowledge({ stdout, stderr }: Seen): void {
    if (this.#ended || this.#released || stdout + stderr - this.#acknowledged < acknowledgedAtOnce) return
    this.#acknowledged = stdout + stderr
    this.#parts.session.send({ op: 'ack', stdout, stderr })
  }

  /** Resolves at once: there is nothing to wait for. What the scope holds lives on, for the next server to find. */
  release(): Promise<void> {
    if (this.#disposing || this.#released) return Promise.resolve()
    this.#released = true
    clearTimeout(this.#timer)
    this.#stop.abort(new Error('the run was let go of'))
    this.#parts.session.close()
    this.#parts.vm.forget()
    this.output.end()
    this.#parts.refusals?.close()
    this.#gone.resolve('released')
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#released) return
    this.#disposing = true
    this.kill('killed')
    await this.#exited.promise
    const closing = this.#parts.scope.close()
    this.#gone.resolve(closing.then(() => 'removed'))
    await closing
  }

  /** The guest no longer does as it is told: its vm is killed, and nobody waits for its last words. */
  #abandon(): void {
    this.#stop.abort(new Error('the guest did not end its program'))
    this.output.end()
    // Closing the scope kills it too and reports what fails; this is only the quickest way.
    killAll(this.#parts.vm.names.cgroup).catch(() => undefined)
  }

  async #drive(from: Position): Promise<void> {
    const told = await this.#untilExit(from).catch((error: unknown) => this.#lost(error))
    const exit = await charged(told, this.#parts.vm.names.cgroup)
    // While the firewall still knows the vm.
    await this.#parts.phases.time('collect', async () => this.#parts.refusals?.finish())
    // Whoever goes on with it is told its end.
    if (this.#released) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.#vsock = exit.by === 'vm_lost' ? 'lost' : 'closed'
    this.#parts.session.close()
    this.output.end()
    this.#exited.resolve(exit)
  }

  async #untilExit(from: Position): Promise<Exit> {
    const { spec, phases } = this.#parts
    if (from.tag === 'program') return this.#program(from)
    const { exit: built } = await phases.time('build', () => this.#one(from))
    const late = `killed: the build took longer than ${buildDeadlineMs / 1000} s`
    if (built.by === 'timeout') return { ...built, message: late }
    if (built.by !== 'program' || built.code !== 0) return built
    // A kill that came between the two has nothing to kill in the guest any more.
    if (this.#killed) return { ...built, by: this.#killed, message: wordsOf(this.#killed, spec.resources) }
    await this.#exec('program', this.#stop.signal)
    return withBuild(built, await this.#program(beginning(spec, 'program')))
  }

  async #program(from: Position): Promise<Exit> {
    const { phases } = this.#parts
    const { exit, sinceMs } = await phases.time('program', () => this.#one(from))
    phases.cede('program', 'collect', sinceMs)
    return exit
  }

  /** Starts the build or the program, to be kept where we end before it does. */
  async #exec(tag: Position['tag'], signal: AbortSignal, bring?: Bring): Promise<void> {
    const { spec, image, session } = this.#parts
    const program = (tag === 'build' ? buildOf(image, spec) : undefined) ?? runOf(image, spec)
    const request = { ...program, run: spec.id, tag, keep_ms: keepMs }
    // A guest that built somebody's program may be theirs by now: no time of the program counts while it does not start.
    const limit = { timeoutMs: startDeadlineMs, signal }
    const { warm } = await deadline(`the start of the ${tag} in the guest`, limit, (signal) =>
      bring ? bringAndExec(session, request, { bring, signal }) : exec(session, request, signal),
    )
    this.#interpreter = warm ? 'waited' : 'new'
  }

  /** Follows the program that runs: its input, its time, its output, its end, and how long ago the guest says that was. */
  async #one({ leftMs, ranMs, ended, stdin }: Position): Promise<{ exit: Exit; sinceMs: number }> {
    const { session, spec } = this.#parts
    const begun = performance.now() - ranMs
    const overdue = () => session.giveUp(`its program had ended, and its last words did not come in ${leftMs / 1000} s`)
    this.#timer ??= setTimeout(() => (ended ? overdue() : this.kill('timeout')), leftMs)
    using _watched = watchOver(session)
    // A program that does not read its input must not keep us from reading its output.
    if (stdin) session.sendStdin(stdin, this.#stop.signal).catch(() => undefined)
    const told = await follow(session, (chunk) => this.output.write(chunk), this.#stop.signal)
    if (!this.#killed) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
    const sinceMs = performance.now() - begun - told.ended.wall_us / 1000
    return { exit: exitOf({ ...told, killed: this.#killed, resources: spec.resources }), sinceMs }
  }

  async #lost(error: unknown): Promise<Exit> {
    const { spec, vm } = this.#parts
    if (this.#killed) return unanswered(this.#killed, spec.resources)
    return lost(messageOf(error), await vm.process.lastWords())
  }
}

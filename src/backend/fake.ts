/** The scripted backend, for tests and `--backend fake`: it runs no program but does what directives in the code say. */
import { VulcanError } from '../api/errors.ts'
import { abortable, sleep } from '../base/time.ts'
import type {
  Backend,
  Capabilities,
  CleanupOptions,
  ExecuteOptions,
  Keep,
  Leftover,
  Recovery,
  Run,
  RunFacts,
  RunSpec,
} from './backend.ts'
import { FakeProgram } from './fakeprogram.ts'
import { FakeRun } from './fakerun.ts'
import { directivesOf } from './fakescript.ts'
import { FakeWarm } from './fakewarm.ts'
import type { PoolState, TemplateState, Usual } from './warm.ts'

export interface FakeOptions {
  readonly node?: string
}

interface Live {
  readonly program: FakeProgram
  /** Who held it last. */
  readonly run: FakeRun
}

export class FakeBackend implements Backend {
  readonly name = 'fake'
  /**
   * Runs that were not taken down yet, by id: for tests of what is left behind. Programs live in this object, so two
   * schedulers that share it play a crash: the second recovers what the first held.
   */
  readonly live = new Map<string, Live>()
  readonly #node: string
  readonly #warm = new FakeWarm()
  /** Why it says that nothing can run, where it does. */
  trouble: string | undefined

  constructor(options: FakeOptions = {}) {
    this.#node = options.node ?? 'fake'
  }

  capabilities(): Promise<Capabilities> {
    return Promise.resolve({
      available: this.trouble === undefined,
      ...(this.trouble !== undefined && { reason: this.trouble }),
      isolation: ['microvm'],
      runtimes: ['python', 'node', 'go'],
      details: { scripted: true },
    })
  }

  async execute(spec: RunSpec, signal: AbortSignal, { accepted }: ExecuteOptions = {}): Promise<Run> {
    // It is told where it is waited for, which may be later.
    accepted?.catch(() => undefined)
    signal.throwIfAborted()
    const begun = performance.now()
    const script = directivesOf(spec)
    this.#warm.note(spec, script)
    let said: Pick<RunFacts, 'details' | 'firewall'> = {}
    for (const { word, rest } of script) {
      if (word === 'start') await sleep(Number(rest), signal)
      if (word === 'facts') said = JSON.parse(rest) as typeof said
      if (word === 'fail') throw new VulcanError('vm_start_failed', rest, { step: 'fake' })
    }
    const bootMs = performance.now() - begun
    if (accepted) await abortable(accepted, signal)
    const vsock = { status: 'connected', rttUs: 0 } as const
    const told = { backend: 'fake', node: this.#node, vmId: `fake-${spec.id}`, start: 'boot', bootMs } as const
    return this.#hold(new FakeProgram(spec, script), {
      seen: { stdout: 0, stderr: 0 },
      startedAt: Date.now(),
      facts: { ...told, ...said, phasesMs: { vm: bootMs }, phasesAtMs: { vm: 0, program: bootMs }, vsock },
    })
  }

  async recover({ id }: RunSpec, o: Recovery, signal: AbortSignal): Promise<Run | undefined> {
    signal.throwIfAborted()
    const found = this.live.get(id)
    if (!found) return undefined
    found.run.letGo()
    if (found.program.retained.reaches(o.seen)) return this.#hold(found.program, o)
    await this.#end(found)
    return undefined
  }

  async cleanup(keep: Keep, o: CleanupOptions = {}): Promise<readonly Leftover[]> {
    const stale = [...this.live.values()].filter(({ run }) => !keep.has(run.id))
    if (!o.dryRun) await Promise.all(stale.map((live) => this.#end(live)))
    const why = 'a program that this backend plays'
    return stale.map(({ run: { id } }) => ({ kind: 'process', name: `fake-${id}`, why, owner: `run ${id}` }))
  }

  templates(): readonly TemplateState[] {
    return this.#warm.templates()
  }

  buildTemplates(of: readonly Usual[]): Promise<void> {
    return Promise.resolve(this.#warm.build(of))
  }

  /** Its runs start at once. */
  keepReady(): Promise<void> {
    return Promise.resolve()
  }

  pool(): PoolState {
    return this.#warm.pool()
  }

  drain(): Promise<number> {
    return Promise.resolve(this.#warm.drain())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const held = [...this.live.values()].filter(({ run }) => run.held)
    await Promise.all(held.map((live) => this.#end(live)))
  }

  #hold(program: FakeProgram, from: Recovery): FakeRun {
    const { id } = program.spec
    const run = new FakeRun({ program, from, gone: () => this.live.delete(id) })
    this.live.set(id, { program, run })
    return run
  }

  async #end({ program }: Live): Promise<void> {
    program.kill('killed')
    await program.exited
    this.live.delete(program.spec.id)
  }
}

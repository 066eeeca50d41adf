/** The backend that runs each workload in a jailed Firecracker microVM of its own. */
import { VulcanError } from '../api/errors.ts'
import type {
  Backend,
  Capabilities,
  CleanupOptions,
  ExecuteOptions,
  Keep,
  Leftover,
  Recovery,
  Run,
  RunSpec,
} from '../backend/backend.ts'
import { noPool, type PoolState, type TemplateState, type Usual } from '../backend/warm.ts'
import { Facts } from '../base/facts.ts'
import { Scope } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import { begin, type BeginRequest } from './begin.ts'
import { type FirecrackerFacts, leftoverOf } from './facts.ts'
import { cleanup } from './leftovers.ts'
import { type Attempt, makeVm, type VmClass } from './makevm.ts'
import { Phases } from './phases.ts'
import { Pool } from './pool.ts'
import { findVm, resume } from './recovery.ts'
import type { FirecrackerRun } from './run.ts'
import { makeSlot } from './slot.ts'
import { classOf, Starter } from './starter.ts'
import { Templates } from './templates.ts'
import type { Vm, VmHost } from './vm.ts'

export interface FirecrackerOptions {
  readonly host: VmHost
  /** Name of this node, for records. */
  readonly node: string
  /** The runtimes whose images are here. */
  readonly runtimes: readonly string[]
  /** Finds a runtime's image; rejects with a VulcanError when it was not built. */
  readonly image: (runtime: string) => Promise<Image>
  /** Folder of templates; absent, every vm boots. */
  readonly templates?: string
  /** How many vms of a class may wait for a run, and how many MiB all that wait may have; they are made of templates. */
  readonly pool?: { readonly most: number; readonly memMib: number }
  /** Says why no vm can be started now; undefined where one can. */
  readonly trouble: () => Promise<string | undefined>
}

/** Milliseconds for which an answer to that holds: it is asked for with each workload. */
const troubleHoldsMs = 5000

export class FirecrackerBackend implements Backend {
  readonly name = 'firecracker'
  readonly facts: Facts<FirecrackerFacts>
  readonly #o: FirecrackerOptions
  readonly #runs = new Set<Run>()
  readonly #starter: Starter
  readonly #templates: Templates | undefined
  readonly #pool: Pool | undefined
  #cleaning: Promise<unknown> = Promise.resolve()
  #trouble: { readonly askedAt: number; readonly reason: Promise<string | undefined> } | undefined

  private constructor(options: FirecrackerOptions, parts: { facts: Facts<FirecrackerFacts>; templates?: Templates }) {
    this.#o = options
    this.facts = parts.facts
    const { host, pool } = options
    const { facts, templates } = parts
    host.networks.facts.on('denials.unread', (fact) => facts.emit('denials.unread', fact))
    host.networks.facts.on('firewall.mended', (fact) => facts.emit('firewall.mended', fact))
    host.networks.facts.on('nameserver.trouble', (fact) => facts.emit('nameserver.trouble', fact))
    this.#templates = templates
    if (templates && pool && pool.most > 0) {
      const make = (o: Attempt) => makeVm({ host, facts }, { ...o, retried: false, rehearsed: true })
      this.#pool = new Pool({ facts, templates, make, makeSlot: (o) => makeSlot({ host, facts }, o), ...pool })
    }
    this.#starter = new Starter({ host, facts, templates, pool: this.#pool })
  }

  /** On a host that is prepared. */
  static async open(options: FirecrackerOptions): Promise<FirecrackerBackend> {
    const facts = new Facts<FirecrackerFacts>()
    if (options.templates === undefined) return new FirecrackerBackend(options, { facts })
    const templates = await Templates.open({ host: options.host, folder: options.templates, facts })
    return new FirecrackerBackend(options, { facts, templates })
  }

  async capabilities(): Promise<Capabilities> {
    const { assets } = this.#o.host
    const now = performance.now()
    if (!this.#trouble || now - this.#trouble.askedAt > troubleHoldsMs) {
      this.#trouble = { askedAt: now, reason: this.#o.trouble() }
    }
    const reason = await this.#trouble.reason
    return {
      available: reason === undefined,
      ...(reason !== undefined && { reason }),
      isolation: ['microvm'],
      runtimes: this.#o.runtimes,
      details: { firecracker: assets.firecrackerVersion, kernel: assets.kernelVersion, jailer: true, maxVcpus: 32 },
    }
  }

  async execute(spec: RunSpec, signal: AbortSignal, { accepted }: ExecuteOptions = {}): Promise<Run> {
    // It is told where it is waited for, which may be later.
    accepted?.catch(() => undefined)
    const phases = new Phases()
    try {
      const request = { spec, image: await this.#o.image(spec.runtime), phases, signal, accepted }
      return await (this.#pool
        ? this.#pool.during(
            () => this.#run(request),
            (run) => run.exited,
          )
        : this.#run(request))
    } catch (error) {
      throw phases.reasonOf(error, signal)
    }
  }

  /** Packets of guests that the firewall refused since this backend was opened, by the rule that did. */
  refused(): ReturnType<VmHost['networks']['refused']> {
    return this.#o.host.networks.refused()
  }

  async #run(request: BeginRequest): Promise<Run> {
    const { host, node } = this.#o
    const parts = { host, facts: this.facts, starter: this.#starter, place: { backend: this.name, node } }
    const { run, vm } = await begin(parts, request)
    this.#own(run, { ...request, vm })
    return run
  }

  async recover(spec: RunSpec, o: Recovery, signal: AbortSignal): Promise<Run | undefined> {
    const found = await findVm(this.#o.host, spec.id)
    if (!found) return undefined
    const { vmId } = found.names
    const scope = new Scope(`vm ${vmId}`)
    try {
      const image = await this.#o.image(spec.runtime)
      const run = await resume(scope, this.#o.host, { found, spec, image, recovery: o, signal })
      this.#own(run, { spec, image, vm: found })
      this.facts.emit('vm.recovered', { vmId, runtime: spec.runtime })
      return run
    } catch (error) {
      // That we are to stop says nothing of the vm: the next server finds it.
      signal.throwIfAborted()
      this.facts.emit('vm.recovery_failed', { vmId, message: String(error) })
      await scope.close().catch(leftoverOf(this.facts, vmId))
      return undefined
    }
  }

  async cleanup(keep: Keep, o: CleanupOptions = {}): Promise<readonly Leftover[]> {
    const { disks } = this.#o.host
    const files = async () => [...(await disks.strays()), ...((await this.#templates?.strays()) ?? [])]
    const look = () => cleanup({ ...this.#o.host, files }, keep, o)
    if (o.dryRun) return look()
    // One after another: two would take each other's work for trouble.
    const cleaning = this.#cleaning.then(look)
    this.#cleaning = cleaning.catch(() => undefined)
    return cleaning
  }

  templates(): readonly TemplateState[] {
    return this.#templates?.state() ?? []
  }

  async buildTemplates(of: readonly Usual[]): Promise<void> {
    const classes = await Promise.all(of.map(async (usual) => classOf(usual, await this.#o.image(usual.runtime))))
    for (const one of classes) this.#templates?.want(one)
  }

  async keepReady(of: readonly Usual[]): Promise<void> {
    const classes = await Promise.all(of.map((usual) => this.#classIfThere(usual)))
    this.#pool?.expect(classes.filter((one) => one !== undefined))
  }

  /** The class of such runs, where its image is there. */
  async #classIfThere(usual: Usual): Promise<VmClass | undefined> {
    try {
      return classOf(usual, await this.#o.image(usual.runtime))
    } catch (error) {
      if (error instanceof VulcanError && error.code === 'asset_unavailable') return undefined
      throw error
    }
  }

  pool(): PoolState {
    return this.#pool?.state() ?? noPool
  }

  async drain(): Promise<number> {
    return (await this.#pool?.drain()) ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]()
    await this.#templates?.[Symbol.asyncDispose]()
    await Promise.all([...this.#runs].map((run) => run[Symbol.asyncDispose]()))
    await this.#cleaning
    try {
      await this.#o.host.networks.close()
    } finally {
      await this.#o.host.spawner[Symbol.asyncDispose]()
    }
  }

  /** Holds a run until it is disposed of or let go of. Its vm outlives its program: its end may have to be told again. */
  #own(run: FirecrackerRun, { spec, image, vm }: { spec: RunSpec; image: Image; vm: Pick<Vm, 'names'> }): void {
    const { vmId } = vm.names
    this.#runs.add(run)
    void run.gone
      .then((how) => {
        if (how === 'released') return
        this.facts.emit('vm.ended', { vmId, runtime: spec.runtime })
        this.#starter.noteEnd(spec, image)
      })
      .catch(leftoverOf(this.facts, vmId))
      .finally(() => this.#runs.delete(run))
  }
}

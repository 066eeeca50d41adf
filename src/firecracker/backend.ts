/** The backend that runs each workload in a jailed Firecracker microVM of its own. */
import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import type {
  Backend,
  Capabilities,
  Cleaned,
  CleanupOptions,
  Recovery,
  Run,
  RunFacts,
  RunSpec,
} from '../backend/backend.ts'
import { Facts } from '../base/facts.ts'
import { acquire, Scope } from '../base/scope.ts'
import type { Image } from '../images/images.ts'
import type { Session } from './agent.ts'
import { prepareParent } from './cgroup.ts'
import { cleanup } from './cleanup.ts'
import { detailsOf } from './details.ts'
import type { FirecrackerFacts } from './facts.ts'
import { cgroupsOf, homeTooLong, jailsOf, namesOf } from './names.ts'
import { Phases } from './phases.ts'
import { findVm, resume } from './recovery.ts'
import { FirecrackerRun } from './run.ts'
import { Starter, type StartRequest } from './starter.ts'
import { Templates } from './templates.ts'
import type { FreshVm, VmHost } from './vm.ts'

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
}

export class FirecrackerBackend implements Backend {
  readonly name = 'firecracker'
  readonly facts: Facts<FirecrackerFacts>
  readonly #o: FirecrackerOptions
  readonly #runs = new Set<Run>()
  readonly #starter: Starter
  readonly #templates: Templates | undefined

  private constructor(options: FirecrackerOptions, parts: { facts: Facts<FirecrackerFacts>; templates?: Templates }) {
    this.#o = options
    this.facts = parts.facts
    this.#templates = parts.templates
    this.#starter = new Starter({ host: options.host, ...parts })
  }

  /** Prepares what all vms share: folders, the parent cgroup, bridge and firewall table. */
  static async open(options: FirecrackerOptions): Promise<FirecrackerBackend> {
    const { places, networks } = options.host
    const unfit = homeTooLong(places)
    if (unfit) throw new VulcanError('host_unfit', unfit, { step: 'home' })
    await mkdir(jailsOf(places), { recursive: true, mode: 0o711 })
    await prepareParent(cgroupsOf(places))
    await networks.prepare()
    const facts = new Facts<FirecrackerFacts>()
    if (options.templates === undefined) return new FirecrackerBackend(options, { facts })
    const templates = await Templates.open({ host: options.host, folder: options.templates, facts })
    return new FirecrackerBackend(options, { facts, templates })
  }

  capabilities(): Promise<Capabilities> {
    const { assets } = this.#o.host
    return Promise.resolve({
      available: true,
      isolation: ['microvm'],
      runtimes: this.#o.runtimes,
      details: { firecracker: assets.firecrackerVersion, kernel: assets.kernelVersion, jailer: true, maxVcpus: 32 },
    })
  }

  async execute(spec: RunSpec, signal: AbortSignal): Promise<Run> {
    const phases = new Phases()
    try {
      return await this.#run({ spec, image: await this.#o.image(spec.runtime), phases, signal })
    } catch (error) {
      // An abort keeps the signal's reason.
      throw signal.aborted ? error : phases.named(error)
    }
  }

  /** Packets of guests that the firewall refused since this backend was opened. */
  denied(): Promise<number> {
    return this.#o.host.networks.denied()
  }

  async #run({ spec, image, phases, signal }: StartRequest): Promise<Run> {
    const { scope, vm, session, rttUs } = await this.#starter.start({ spec, image, phases, signal })
    const { vmId } = vm.names
    const run = await acquire(
      scope,
      async () => {
        await phases.time('upload', () => upload(session, spec, signal))
        const known = this.#known({ spec, image, vm, rttUs })
        return FirecrackerRun.start({ spec, image, scope, vm, session, phases, known }, signal)
      },
      (failure) => this.#leftover(vmId, failure),
    )
    this.#own(run, { spec, image })
    return run
  }

  async recover(spec: RunSpec, o: Recovery, signal: AbortSignal): Promise<Run | undefined> {
    const found = await findVm(this.#o.host.places, spec.id)
    if (!found) return undefined
    const { vmId } = found.names
    const scope = new Scope(`vm ${vmId}`)
    try {
      const image = await this.#o.image(spec.runtime)
      const run = await resume(scope, this.#o.host, { found, spec, image, recovery: o, signal })
      this.#own(run, { spec, image })
      this.facts.emit('vm.recovered', { vmId, runtime: spec.runtime })
      return run
    } catch (error) {
      // That we are to stop says nothing of the vm: the next server finds it.
      signal.throwIfAborted()
      this.facts.emit('vm.recovery_failed', { vmId, message: String(error) })
      await scope.close().catch((failure: unknown) => this.#leftover(vmId, failure))
      return undefined
    }
  }

  cleanup(keep: ReadonlySet<string>, o?: CleanupOptions): Promise<Cleaned> {
    const { places, networks } = this.#o.host
    const runs = [...keep].map((id) => namesOf(places, id).vmId)
    return cleanup({ places, networks }, new Set([...runs, ...(this.#templates?.vms ?? [])]), o)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#templates?.[Symbol.asyncDispose]()
    await Promise.all([...this.#runs].map((run) => run[Symbol.asyncDispose]()))
    await this.#o.host.networks.close()
  }

  /** Holds a run until it is disposed of or let go of. Its vm outlives its program: its end may have to be told again. */
  #own(run: FirecrackerRun, { spec, image }: { spec: RunSpec; image: Image }): void {
    const { vmId } = namesOf(this.#o.host.places, spec.id)
    this.#runs.add(run)
    void run.gone
      .then((how) => {
        if (how === 'released') return
        this.facts.emit('vm.ended', { vmId, runtime: spec.runtime })
        this.#starter.noteEnd(spec, image)
      })
      .catch((failure: unknown) => this.#leftover(vmId, failure))
      .finally(() => this.#runs.delete(run))
  }

  #known({ spec, image, vm, rttUs }: { spec: RunSpec; image: Image; vm: FreshVm; rttUs: number }): RunFacts {
    const details = detailsOf({ spec, image, vm, kernel: this.#o.host.assets.kernelVersion })
    return {
      backend: this.name,
      node: this.#o.node,
      vmId: vm.names.vmId,
      start: vm.start,
      bootMs: Math.round(vm.bootMs),
      phasesMs: {},
      vsock: { status: 'connected', rttUs },
      details,
    }
  }

  #leftover(vmId: string, failure: unknown): void {
    this.facts.emit('vm.leftover', { vmId, message: String(failure) })
  }
}

/** Most files of an archive; more is a bomb. */
const maxFiles = 100_000

async function upload(session: Session, spec: RunSpec, signal: AbortSignal): Promise<void> {
  const { source } = spec
  if (source.kind === 'code') {
    await session.upload({ op: 'write', path: source.name, mode: 0o644 }, [source.content], signal)
    return
  }
  const request = {
    op: 'unpack',
    format: source.format,
    max_bytes: spec.resources.diskMib * (1 << 20),
    max_files: maxFiles,
  }
  await session.upload(request, createReadStream(source.path, { highWaterMark: 256 << 10 }), signal)
}

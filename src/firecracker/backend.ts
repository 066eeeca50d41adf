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
import { sizeOf } from './boot.ts'
import { prepareParent } from './cgroup.ts'
import { cleanup } from './cleanup.ts'
import type { FirecrackerFacts } from './facts.ts'
import { greet } from './greet.ts'
import { cgroupsOf, homeTooLong, jailsOf, namesOf } from './names.ts'
import { Phases } from './phases.ts'
import { findVm, resume } from './recovery.ts'
import { FirecrackerRun } from './run.ts'
import { type FreshVm, openSession, startVm, type VmHost } from './vm.ts'

export interface FirecrackerOptions {
  readonly host: VmHost
  /** Name of this node, for records. */
  readonly node: string
  /** The runtimes whose images are here. */
  readonly runtimes: readonly string[]
  /** Finds a runtime's image; rejects with a VulcanError when it was not built. */
  readonly image: (runtime: string) => Promise<Image>
}

export class FirecrackerBackend implements Backend {
  readonly name = 'firecracker'
  readonly facts = new Facts<FirecrackerFacts>()
  readonly #o: FirecrackerOptions
  readonly #runs = new Set<Run>()

  private constructor(options: FirecrackerOptions) {
    this.#o = options
  }

  /** Prepares what all vms share: folders, the parent cgroup, bridge and firewall table. */
  static async open(options: FirecrackerOptions): Promise<FirecrackerBackend> {
    const { places, networks } = options.host
    const unfit = homeTooLong(places)
    if (unfit) throw new VulcanError('host_unfit', unfit, { step: 'home' })
    await mkdir(jailsOf(places), { recursive: true, mode: 0o711 })
    await prepareParent(cgroupsOf(places))
    await networks.prepare()
    return new FirecrackerBackend(options)
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

  async #run({ spec, image, phases, signal }: Starting): Promise<Run> {
    const { scope, vm } = await phases.time('vm', () => this.#startTwice({ spec, image, phases, signal }))
    const { vmId } = vm.names
    const run = await acquire(
      scope,
      async () => {
        const session = await openSession(vm, signal)
        scope.defer('close the session', () => session.close())
        const rttUs = await phases.time('greet', () => greet(session, { vm, spec, signal }))
        this.facts.emit('vsock.rtt', { vmId, rttUs })
        await phases.time('upload', () => upload(session, spec, signal))
        const known = this.#known(vm, rttUs)
        return FirecrackerRun.start({ spec, image, scope, vm, session, phases, known }, signal)
      },
      (failure) => this.#leftover(vmId, failure),
    )
    this.#own(run, spec)
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
      this.#own(run, spec)
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
    return cleanup({ places, networks }, new Set([...keep].map((id) => namesOf(places, id).vmId)), o)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#runs].map((run) => run[Symbol.asyncDispose]()))
    await this.#o.host.networks.close()
  }

  /** Holds a run until it is disposed of or let go of. Its vm outlives its program: its end may have to be told again. */
  #own(run: FirecrackerRun, spec: RunSpec): void {
    const { vmId } = namesOf(this.#o.host.places, spec.id)
    this.#runs.add(run)
    void run.gone
      .then((how) => how === 'removed' && this.facts.emit('vm.ended', { vmId, runtime: spec.runtime }))
      .catch((failure: unknown) => this.#leftover(vmId, failure))
      .finally(() => this.#runs.delete(run))
  }

  #known(vm: FreshVm, rttUs: number): RunFacts {
    return {
      backend: this.name,
      node: this.#o.node,
      vmId: vm.names.vmId,
      start: 'boot',
      bootMs: Math.round(vm.bootMs),
      phasesMs: {},
      vsock: { status: 'connected', rttUs },
    }
  }

  /** A boot has no side effect before a program is sent, so one that failed is tried again, once, with its console on. */
  async #startTwice(o: Starting): Promise<{ scope: Scope; vm: FreshVm }> {
    try {
      return await this.#start(o, false)
    } catch (error) {
      const { vmId } = namesOf(this.#o.host.places, o.spec.id)
      const retried = !o.signal.aborted
      const { step = 'start', message } = o.phases.named(error)
      this.facts.emit('vm.start_failed', { vmId, step, message, retried })
      if (!retried) throw error
      return this.#start(o, true)
    }
  }

  async #start({ spec, image, phases, signal }: Starting, console: boolean): Promise<{ scope: Scope; vm: FreshVm }> {
    const { vmId } = namesOf(this.#o.host.places, spec.id)
    const { resources, runtime } = spec
    const request = {
      runId: spec.id,
      rootfs: image.rootfs,
      size: sizeOf(resources),
      diskMib: resources.diskMib,
      network: spec.network,
      console,
    }
    const scope = new Scope(`vm ${vmId}`)
    const vm = await acquire(
      scope,
      () => startVm(scope, this.#o.host, { ...request, phases, signal }),
      (failure) => this.#leftover(vmId, failure),
    )
    this.facts.emit('vm.started', { vmId, runtime, start: 'boot', bootMs: vm.bootMs })
    return { scope, vm }
  }

  #leftover(vmId: string, failure: unknown): void {
    this.facts.emit('vm.leftover', { vmId, message: String(failure) })
  }
}

interface Starting {
  readonly spec: RunSpec
  readonly image: Image
  readonly phases: Phases
  readonly signal: AbortSignal
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

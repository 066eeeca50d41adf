/** The seam: what a place that runs workloads offers. One contract suite (test/contract) runs on every backend. */
import type { Firewall } from '../api/firewall.ts'
import type { LeftoverKind } from '../api/state.ts'
import type { Conversation } from './conversation.ts'
import type { Denial, Denials } from './denial.ts'
import type { RunDetails } from './details.ts'
import type { PoolState, TemplateState, Usual } from './warm.ts'

/** Where a workload's program comes from. */
export type Source =
  /** One source file, written to /work under `name`. */
  | { readonly kind: 'code'; readonly name: string; readonly content: Uint8Array }
  /** An archive on the host, handed to the guest as it is and unpacked there, never here. */
  | { readonly kind: 'archive'; readonly format: ArchiveFormat; readonly path: string; readonly bytes: number }

export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.zst' | 'zip'

export interface Resources {
  /** Cores; the vm gets the next whole number, the program's cgroup the fraction. */
  readonly cpus: number
  /** MiB for the program; the guest's kernel and agent come on top. */
  readonly memMib: number
  /** Milliseconds the program may run, from its start. */
  readonly timeoutMs: number
  /** MiB the program may write to its file system. */
  readonly diskMib: number
  /** Processes and threads at once. */
  readonly pids: number
}

export interface NetworkSpec {
  readonly mode: 'none' | 'host' | 'internet'
  /** CIDR blocks, host names or `*.name` for all below; with `internet`, only these may be reached when the list is not empty. */
  readonly allow: readonly string[]
}

/** One attempt to run a workload. Validated: every field is in bounds and the entry point exists in the source. */
export interface RunSpec {
  /** UUIDv7, chosen by the scheduler; every outside name is a pure function of instance and id. */
  readonly id: string
  /** Name of a runtime's image: `python`, `node`, `go`. */
  readonly runtime: string
  readonly source: Source
  /** Path of the program below /work. */
  readonly entrypoint: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Standard input; without it, `input` where given, else empty. */
  readonly stdin?: Uint8Array
  /** JSON text for $VULCAN_INPUT. */
  readonly input?: string
  readonly resources: Resources
  readonly network: NetworkSpec
  /** Bytes of stdout and stderr together after which the program is killed (`output_limit`). */
  readonly outputLimitBytes: number
}

export interface Chunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Uint8Array
}

export type KillReason = 'killed' | 'timeout' | 'output_limit'

export type ExitBy =
  | 'program'
  | 'timeout'
  | 'killed'
  | 'oom'
  | 'disk_full'
  | 'output_limit'
  | 'vm_lost'
  | 'start_failed'

export interface Usage {
  readonly cpuMs: number
  readonly peakMemMib: number
  readonly throttledMs: number
  readonly diskWrittenBytes: number
  readonly netRxBytes: number
  readonly netTxBytes: number
}

/** How a run ended: success and failure have the same fields. */
export interface Exit {
  readonly by: ExitBy
  /** The program's exit code; absent when a signal or the platform ended it. */
  readonly code?: number
  /** Name of the signal that ended the program, such as `SIGSEGV`. */
  readonly signal?: string
  /** In words for the user, where there is more to say than the code. */
  readonly message?: string
  /** Where a start failed, such as `boot`; only with `start_failed`. */
  readonly step?: string
  /** JSON text that the program wrote to $VULCAN_RESULT. */
  readonly result?: string
  /** Why there is no result although the program wrote one. */
  readonly resultError?: string
  readonly usage?: Usage
  /** Milliseconds of processor time that its vm took of the host, where there is no usage. */
  readonly vmCpuMs?: number
}

/** What became of a run's vm, for the record. Milliseconds and microseconds as named. */
export interface RunFacts {
  readonly backend: string
  readonly node: string
  readonly vmId: string
  readonly start: 'boot' | 'restore' | 'pool'
  readonly bootMs: number
  /** Each phase once, timed at its source: vm, upload, build, program, collect … */
  readonly phasesMs: Readonly<Record<string, number>>
  /** Milliseconds from execute to each phase's beginning; some phases run side by side or within another. */
  readonly phasesAtMs?: Readonly<Record<string, number>>
  readonly vsock: { readonly status: 'connected' | 'closed' | 'lost'; readonly rttUs: number }
  readonly details?: RunDetails
  /** Absent while its network has refused nothing. */
  readonly denials?: Denials
  /** The rules around its vm; absent where it has no network. */
  readonly firewall?: Firewall
}

/** Bytes of each stream, counted from the run's first program (a build step's output included, as the run gives it). */
export interface Seen {
  readonly stdout: number
  readonly stderr: number
}

/** What a server that died knew of a run, for the one that goes on with it. */
export interface Recovery {
  /** What is kept of its output: the recovered run goes on right behind it. At least all that was acknowledged. */
  readonly seen: Seen
  /** When the run was first told to run, in milliseconds of the epoch: what is left of its time counts from there. */
  readonly startedAt: number
  /** What was known of it: the recovered run's facts go on from these. */
  readonly facts: RunFacts
}

/** Bytes of output that may be unacknowledged; then the program waits. */
export const outputWindowBytes = 1 << 20

/**
 * One attempt that goes on. Disposing kills the program where it still runs and removes what was made for it: a run whose
 * end must survive a crash of ours is disposed of once that end is kept; until then it can be recovered, end included.
 */
export interface Run extends AsyncDisposable {
  readonly id: string
  /**
   * Ends when the program has ended and all was read. Reading or acknowledging slowly slows the program, never loses
   * bytes.
   */
  readonly output: AsyncIterable<Chunk>
  /** Destinations that its network refused, each once and soon after it was; ends with the output. Nobody waits for its reader. */
  readonly denied: AsyncIterable<Denial>
  /** Never rejects. */
  readonly exited: Promise<Exit>
  /**
   * Output up to these many bytes of each stream, all of it read, is kept by us: the other side may forget it. A program
   * with `outputWindowBytes` that nobody acknowledged waits.
   */
  acknowledge(seen: Seen): void
  /**
   * Lets go of the run without ending its program, for a later recover. `output` ends and `exited` stays open; killing
   * or disposing afterwards ends nothing.
   */
  release(): Promise<void>
  /** Grows while the run goes on. */
  facts(): RunFacts
  /** What was said with the guest so far, by whoever holds the run now. */
  conversation(): Conversation
  /** Kills the program; the first reason wins. */
  kill(reason: KillReason): void
}

export interface Capabilities {
  readonly available: boolean
  /** Why nothing can run here, in words for the operator. */
  readonly reason?: string
  readonly isolation: readonly string[]
  readonly runtimes: readonly string[]
  /** Versions and limits of this backend, for people. */
  readonly details: Readonly<Record<string, string | number | boolean>>
}

/** What is asked whether something stays. */
export type Keep = Pick<ReadonlySet<string>, 'has'>

export interface CleanupOptions {
  readonly dryRun?: boolean
}

/** A thing on the host that is ours and that nobody owns. */
export interface Leftover {
  readonly kind: LeftoverKind
  /** What the host calls it: a path, a name, a process. */
  readonly name: string
  /** Why it is thought to be ours. */
  readonly why: string
  /** Whose it was: `run <id>`, `template`, `pool`, or `unknown`. */
  readonly owner: string
  /** Since when it is there, or its vm is, in milliseconds of the epoch; absent where nothing says so. */
  readonly since?: number
  /** Why it could not be removed; it is tried again. */
  readonly trouble?: string
}

export interface ExecuteOptions {
  /**
   * A promise that the workload lasts, as one that is on its way to the disk. All is made ready meanwhile, but no program
   * begins before it resolves, and none where it rejects: execute does too. Absent: it lasts.
   */
  readonly accepted?: Promise<unknown> | undefined
}

/** Closing it kills the runs it holds; those that were let go of with `release` go on. */
export interface Backend extends AsyncDisposable {
  readonly name: string
  /** What it can do here and now. */
  capabilities(): Promise<Capabilities>
  /** Resolves once the program runs; rejects with a VulcanError having left nothing behind. */
  execute(spec: RunSpec, signal: AbortSignal, o?: ExecuteOptions): Promise<Run>
  /**
   * After a crash of ours or a release: the live run of this spec, going on behind what was seen. Its program may have
   * ended meanwhile: then the rest of its output, its exit and its result are given. Undefined where there is none that
   * can go on; cleanup then removes what is left.
   */
  recover(spec: RunSpec, o: Recovery, signal: AbortSignal): Promise<Run | undefined>
  /**
   * Removes everything that carries this instance's prefix and has no owner: neither this backend, which holds what it
   * makes, runs and takes down, nor a run in `keep` (run ids). Safe at any time. Gives back what that was; what could not
   * be removed has its `trouble`. With `dryRun` it only tells what it would remove.
   */
  cleanup(keep: Keep, o?: CleanupOptions): Promise<readonly Leftover[]>
  /** The templates that runs start from, those in the making and those that could not be made; newest last. */
  templates(): readonly TemplateState[]
  /**
   * Has the templates for such runs made that are missing, whether or not there were any; `templates` tells of them from
   * then on. Rejects with a VulcanError where an image is missing.
   */
  buildTemplates(of: readonly Usual[]): Promise<void>
  /**
   * From now on a vm waits, ready, for a run like each of these, whether or not there were any, as far as there is room
   * and, of each, a template.
   */
  keepReady(of: readonly Usual[]): Promise<void>
  /** What waits, ready, for runs to come. */
  pool(): PoolState
  /** Removes what waits, ready, for runs to come, of which the next are slower then; resolves with how many those were. */
  drain(): Promise<number>
}

/** The jailer: its command line (pure), and the jailed Firecracker as a process that can be waited for. */
import { open } from 'node:fs/promises'
import { VulcanError } from '../api/errors.ts'
import { isMissing } from '../base/files.ts'
import { CommandFailed } from '../base/process.ts'
import type { Spawner } from '../base/spawner.ts'
import { sleep } from '../base/time.ts'
import { messageOf } from '../base/words.ts'
import { emptied } from './cgroup.ts'

export interface JailOptions {
  readonly jailer: string
  readonly firecracker: string
  readonly vmId: string
  readonly uid: number
  readonly gid: number
  readonly chrootBase: string
  readonly parentCgroup: string
  /** Path of the named network namespace. */
  readonly netns: string
  readonly apiSocket: string
  readonly limits: HostLimits
}

/** What the host grants the whole vm: guest memory, VMM and page cache together. */
export interface HostLimits {
  readonly memoryBytes: number
  /** Microseconds of cpu time in each 100 ms. */
  readonly cpuQuotaUs: number
  readonly pids: number
  /** Largest file Firecracker may write, in bytes. */
  readonly fileBytes: number
}

/** `run`: in a session of its own, so that a signal to our process group is none of the vm's. */
type JailerStart = JailOptions & { readonly run: Spawner['run'] }

/** Descriptors a vm needs: devices, sockets and the sessions of its vsock. */
const openFiles = 2048

/**
 * The jailer's command line. Seccomp filters stay on: no flag of ours turns them off. The jailer makes no namespace of
 * System V objects, which would outlive a vm under its uid, and be seen by the others: it is started in a new one.
 */
export function jailerArgv(o: JailOptions): [string, ...string[]] {
  const cgroup = (name: string, value: number | string) => ['--cgroup', `${name}=${value}`]
  return [
    ...(['unshare', '--ipc', o.jailer] as const),
    ...['--id', o.vmId, '--exec-file', o.firecracker, '--uid', String(o.uid), '--gid', String(o.gid)],
    ...['--chroot-base-dir', o.chrootBase, '--netns', o.netns, '--new-pid-ns'],
    ...['--cgroup-version', '2', '--parent-cgroup', o.parentCgroup],
    ...cgroup('memory.max', o.limits.memoryBytes),
    ...cgroup('memory.swap.max', 0),
    ...cgroup('cpu.max', `${o.limits.cpuQuotaUs} 100000`),
    ...cgroup('pids.max', o.limits.pids),
    ...['--resource-limit', `no-file=${openFiles}`, '--resource-limit', `fsize=${o.limits.fileBytes}`],
    // At its usual level Firecracker logs every call, in the time of the boot.
    ...['--', '--api-sock', o.apiSocket, '--level', 'Warning'],
  ]
}

/** For the jailer to hand over, in milliseconds; a second is usual under emulation. */
const handOverDeadlineMs = 60_000

/** For the end of a process to be seen whose sockets have closed, in milliseconds. */
const endSeenMs = 500

/** Shown of what Firecracker and the guest's console say, in bytes: the end. */
const wordsShown = 16 << 10

/** Where a jailed process is found again by whoever did not start it. */
export interface JailedPlace {
  readonly cgroup: string
  /** File that takes its standard output and error. */
  readonly words: string
}

/**
 * A jailed Firecracker. With a new pid namespace it is not our child, and it may outlive us: its end is seen by its cgroup
 * being empty, and its words go to a file. A pipe would break with us, and there are Firecrackers that answer the SIGPIPE
 * of a log line with another log line, for ever. The file's size is bounded by the jail's `fsize`, as those of its disks are.
 */
export class JailedProcess {
  /** Settles when the process is gone. Rejects when that cannot be seen, or is no longer looked at. */
  readonly ended: Promise<void>
  readonly #place: JailedPlace
  readonly #watching = new AbortController()

  private constructor(place: JailedPlace) {
    this.#place = place
    this.ended = emptied(place.cgroup, this.#watching.signal)
    // It is told to whoever waits, which may be nobody.
    this.ended.catch(() => undefined)
  }

  /** The last words of jailer, Firecracker and guest console. */
  lastWords(): Promise<string> {
    return lastOf(this.#place.words)
  }

  /**
   * Does what needs it alive. Where it ends meanwhile that is the error, with its last words, at once: nothing else says that
   * nobody will answer.
   */
  async during<T>(
    { step, what, signal }: { step: string; what: string; signal: AbortSignal },
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const over = new AbortController()
    const lost = this.ended.then(async (): Promise<never> => {
      const words = await this.lastWords()
      const message = `Firecracker ended while ${what}: ${words || 'it said nothing'}`
      throw new VulcanError('vm_start_failed', message, { step })
    })
    lost.catch(() => undefined)
    try {
      return await Promise.race([act(AbortSignal.any([signal, over.signal])), lost])
    } catch (error) {
      // Its sockets close a moment before its cgroup is seen to be empty.
      if (!signal.aborted) await Promise.race([lost, sleep(endSeenMs)])
      throw error
    } finally {
      over.abort(new Error('it is over'))
    }
  }

  /** Looks no longer for its end; the process goes on. */
  forget(): void {
    this.#watching.abort(new Error('it is no longer looked at'))
  }

  /** One that was started by a server before this one. */
  static adopt(place: JailedPlace): JailedProcess {
    return new JailedProcess(place)
  }

  /** Starts the jailer; resolves once it has handed over to Firecracker, rejects with its words when it failed. */
  static async start(options: JailerStart, place: JailedPlace, signal: AbortSignal): Promise<JailedProcess> {
    const failure = await untilHandedOver(options, place, signal)
    if (failure === undefined) return new JailedProcess(place)
    const words = await lastOf(place.words)
    throw new VulcanError('vm_start_failed', `the jailer ${failure}: ${words || 'it said nothing'}`, { step: 'jailer' })
  }
}

/** Resolves when the jailer has ended: with nothing when it did so well, else with how. */
async function untilHandedOver(
  { run, ...options }: JailerStart,
  { words }: JailedPlace,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await run(jailerArgv(options), { env: {}, words, timeoutMs: handOverDeadlineMs, signal })
    return undefined
  } catch (cause) {
    if (cause instanceof CommandFailed && cause.why === 'exit') return `exited with ${cause.code}`
    if (cause instanceof CommandFailed && cause.why === 'signal') return `was ended by ${cause.signal}`
    throw new VulcanError('vm_start_failed', `the jailer did not hand over to Firecracker: ${messageOf(cause)}`, {
      step: 'jailer',
      cause,
    })
  }
}

/** The end of a file of words, whose first line may be half; empty where there is none. */
async function lastOf(path: string): Promise<string> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.min(size, wordsShown)),
      position: Math.max(0, size - wordsShown),
    })
    return buffer.toString('utf8', 0, bytesRead).trim()
  } catch (error) {
    if (isMissing(error)) return ''
    // They are said beside the reason of a failure, which must not be lost with them.
    return `its words could not be read: ${String(error)}`
  }
}

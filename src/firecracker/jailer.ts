/** The jailer: its command line (pure), and the jailed Firecracker as a process that can be waited for. */
import { spawn } from 'node:child_process'
import { VulcanError } from '../api/errors.ts'
import { Tail } from '../base/tail.ts'
import { abortable } from '../base/time.ts'

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

/** Descriptors a vm needs: devices, sockets and the sessions of its vsock. */
const openFiles = 2048

/** The jailer's command line. Seccomp filters stay on: no flag of ours turns them off. */
export function jailerArgv(o: JailOptions): [string, ...string[]] {
  const cgroup = (name: string, value: number | string) => ['--cgroup', `${name}=${value}`]
  return [
    o.jailer,
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

/** Kept of what Firecracker and the guest's console say, in bytes; a guest can write there without end. */
const wordsKept = 16 << 10

/** A jailed Firecracker. With a new pid namespace it is not our child: its end is seen by its pipes closing. */
export class JailedProcess {
  /** Settles when the process and everything that shared its pipes is gone. */
  readonly ended: Promise<void>
  readonly #words: Tail

  private constructor(ended: Promise<void>, words: Tail) {
    this.ended = ended
    this.#words = words
  }

  /** The last words of jailer, Firecracker and guest console. */
  get lastWords(): string {
    return this.#words.text()
  }

  /** Starts the jailer; resolves once it has handed over to Firecracker, rejects with its words when it failed. */
  static async start(options: JailOptions, signal: AbortSignal): Promise<JailedProcess> {
    const [command, ...args] = jailerArgv(options)
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
    const words = new Tail(wordsKept)
    child.stdout.on('data', (chunk: Buffer) => words.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => words.push(chunk))
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const handedOver = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code))
    })
    let code: number | null
    try {
      code = await abortable(handedOver, signal)
    } catch (cause) {
      // It may not have reached its cgroup yet, where the scope's kill would find it.
      child.kill('SIGKILL')
      throw new VulcanError('vm_start_failed', `the jailer was not started: ${String(cause)}`, {
        step: 'jailer',
        cause,
      })
    }
    if (code !== 0) {
      await abortable(ended, signal)
      throw new VulcanError('vm_start_failed', `the jailer exited with ${code}: ${words.text().trim()}`, {
        step: 'jailer',
      })
    }
    return new JailedProcess(ended, words)
  }
}

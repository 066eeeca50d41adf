/** The probe (native/probe) on the node: in the place of a living vm's VMM, and as the init of a guest in other hands. */
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../src/base/process.ts'
import { client, onNode, tryOnNode, vmPid } from './harness.ts'
import { root } from './places.ts'

/** Where it lies on the node. */
const onTheNode = '/tmp/vulcan-probe'

/** Things that are on the node, for the probe to try: what its root sees of them says nothing of what a vm may. */
export interface Targets {
  /** Sockets: paths, and abstract names behind an @. */
  readonly unix: readonly string[]
  readonly tcp: readonly string[]
  readonly pids: readonly number[]
  readonly files: readonly string[]
}

/** What the probe saw. Outcomes are `ok` or the name of the error. */
export interface Sight {
  readonly user: {
    readonly uid: number
    readonly gid: number
    readonly groups: readonly number[] | null
    readonly capabilities: readonly number[]
    readonly no_new_privileges: boolean
    readonly descriptors: readonly number[]
  }
  readonly paths: readonly {
    readonly path: string
    readonly kind: string
    readonly mode: string
    readonly uid: number
    readonly read: string
    readonly write: string
  }[]
  readonly processes: readonly { readonly pid: number; readonly signal: string }[] | null
  readonly reached: Readonly<Record<string, string>>
  readonly interfaces: readonly string[]
  readonly ipc: readonly string[] | null
  readonly acts: Readonly<Record<string, string>>
}

/** What stopped it, and where. */
export interface Bounds {
  readonly descriptors: number
  readonly file_bytes: number
  readonly file_end: string
  readonly processes: number
  readonly processes_end: string
  readonly files: number
  readonly files_end: string
  readonly bytes: number
  readonly bytes_end: string
}

/** A thread of Firecracker: how many filters it has, and which calls of the probe's list they let through. */
export interface Thread {
  readonly name: string
  readonly filters: number
  readonly allowed: readonly string[]
}

/** Builds the probe. */
export async function builtProbe(): Promise<Buffer> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-probe-'))
  const program = join(folder.path, 'vulcan-probe')
  const build = [
    'env',
    'CGO_ENABLED=0',
    'go',
    'build',
    '-trimpath',
    '-ldflags',
    '-s -w',
    '-o',
    program,
    './probe',
  ] as const
  await run([...build], { cwd: join(root, 'native'), timeoutMs: 300_000 })
  return await readFile(program)
}

/** Puts it on the node. */
export async function bringProbe(): Promise<void> {
  await onNode(`cat > ${onTheNode} && chmod 755 ${onTheNode}`, { input: await builtProbe() })
}

/** Looks in the place of a workload's VMM, at all that is in its root and at those targets. */
export async function lookFrom(id: string, targets: Targets): Promise<Sight> {
  const inRoot = await onNode(`cd /proc/${vmPid(id)}/root/ && find . | sed 's/^.//; s/^$/\\//'`)
  const at = { ...targets, own: inRoot.trim().split('\n') }
  return JSON.parse(await onNode(`${onTheNode} enter ${vmPid(id)} look`, { input: JSON.stringify(at) })) as Sight
}

/** Runs into every limit that a vm's process has, but for memory. */
export async function limitsOf(id: string): Promise<Bounds> {
  return JSON.parse(await onNode(`${onTheNode} enter ${vmPid(id)} limits`)) as Bounds
}

/** Takes memory in the place of a workload's VMM until it is ended; resolves with how it was. */
export async function hogFrom(id: string): Promise<string> {
  return (await tryOnNode(`${onTheNode} enter ${vmPid(id)} hog`)).stderr
}

export async function filtersOf(id: string): Promise<readonly Thread[]> {
  return JSON.parse(await onNode(`${onTheNode} filters ${vmPid(id)}`)) as Thread[]
}

/** A program that says `up` and sleeps. Resolves with its workload when it has; whoever calls kills it. */
export async function sleeper(network: 'none' | 'internet', resources = {}): Promise<string> {
  const api = await client()
  const code = 'print("up", flush=True)\nimport time; time.sleep(1500)'
  const { id } = await api.submit({ runtime: 'python', network, code, resources: { timeout_s: 1600, ...resources } })
  for await (const event of api.logs(id)) {
    if (event.event === 'stdout') return id
    if (event.event === 'end') break
  }
  throw new Error(`the sleeper ${id} ended: ${JSON.stringify(await api.get(id))}`)
}

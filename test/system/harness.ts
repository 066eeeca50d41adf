/** What every system test uses: the command line as a person calls it, the API, and a look at the node from outside. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from '../../src/api/client.ts'
import type { WorkloadRecord, WorkloadRequest } from '../../src/api/workload.ts'
import { sleep } from '../../src/base/time.ts'
import { machineExec } from '../../src/machine/exec.ts'
import { restartServer } from '../../src/machine/machine.ts'
import type { ServerCommand } from '../../src/machine/options.ts'
import { placesOf } from '../../src/machine/places.ts'
import { environment, home, root } from './places.ts'

export interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Calls `./vulcan` with those words; never rejects for an exit status. */
export function vulcan(words: readonly string[], o: Saying = {}): Promise<Said> {
  return say([join(root, 'vulcan'), ...words], o)
}

interface Saying {
  readonly input?: string | Uint8Array
  readonly cwd?: string
}

function say([command, ...words]: readonly [string, ...string[]], o: Saying = {}): Promise<Said> {
  const child = spawn(command, words, { cwd: o.cwd ?? root, env: environment })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  child.stdin.on('error', () => undefined)
  child.stdin.end(o.input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...said }))
  })
}

/** Where the server listens and the key it takes, as the command line finds them. */
export async function server(): Promise<{ url: string; key: string; place: string }> {
  const { url, place } = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { url: string; place: string }
  const key = (await readFile(join(home, 'key'), 'utf8')).trim()
  return { url, key, place }
}

export async function client(): Promise<Client> {
  return new Client(await server())
}

/** A client that waits for its server to come back. */
export async function patientClient(): Promise<Client> {
  let { url, key } = await server()
  // Another machine may listen at another port; between the two there is no file that says where.
  const newest = async () => (url = (await server().catch(() => undefined))?.url ?? url)
  return new Client({ url: newest, key, reconnects: 60 })
}

/** Runs a workload through the API and waits for its record. */
export async function run(request: WorkloadRequest, archive?: Blob): Promise<WorkloadRecord> {
  const resources = { timeout_s: patient, ...request.resources }
  return (await client()).run({ ...request, resources }, archive)
}

/** Seconds: a program's time where a test is not about time. Under emulation an interpreter takes seconds to start. */
const patient = 180

/** Shorthand for the commonest workload: a few lines of Python. */
export function python(code: string, more: Partial<WorkloadRequest> = {}): Promise<WorkloadRecord> {
  return run({ runtime: 'python', code, network: 'none', ...more })
}

interface OnNode {
  readonly input?: string | Uint8Array
  /** Of the machine's call, in milliseconds; its own limit by default. */
  readonly timeoutMs?: number
}

/** Runs a shell script as root on the node: in the machine where there is one, else here. Rejects when it fails. */
export async function onNode(script: string, o: OnNode = {}): Promise<string> {
  const said = await tryOnNode(script, o)
  if (said.code !== 0) throw new Error(`on the node: ${script}\nexited with ${said.code}: ${said.stderr}${said.stdout}`)
  return said.stdout
}

export async function tryOnNode(script: string, o: OnNode = {}): Promise<Said> {
  const argv = ['sh', '-c', script] as const
  // As `vulcan machine exec` does it, but for starting a command line each time.
  return (await hasMachine()) ? machineExec({ home, argv, ...o }) : say(argv, o)
}

/** Shell words for the process of a workload's vm, on the node. */
export function vmPid(id: string): string {
  return `$(head -1 /sys/fs/cgroup/vulcan-*/$(basename $(grep -sl '"run":"${id}"' /run/vulcan-*/vms/*))/cgroup.procs)`
}

/** Everything outside the server that a vm can leave behind, one line a thing. */
const residueScript = `
  for pid in $(pgrep -x 'firecracker|jailer' || true); do echo "process $(cat /proc/$pid/cmdline | tr '\\0' ' ' | cut -c1-80)"; done
  ip netns list | sed 's/^/netns /'
  ip -o link show type veth | sed 's/^[0-9]*: \\([^@:]*\\).*/veth \\1/'
  for folder in /sys/fs/cgroup/vulcan-*/*/ $VULCAN_HOME/jails/firecracker/*/ ; do [ -d "$folder" ] && echo "folder $folder"; done
  ls -d /run/vulcan-*/vms/* 2>/dev/null | sed 's/^/book /'
  grep -F /jails/ /proc/self/mountinfo | cut -d' ' -f5 | sed 's/^/mount /'
  find /run/vulcan-*/ -type f ! -path '*/vms/*' ! -name lock ! -name 'last_reserved_ip*' | sed 's/^/file /'
  find $VULCAN_HOME/disks $VULCAN_HOME/templates -name '*.tmp' -o -name '*.making' | sed 's/^/half /'
  find $VULCAN_HOME/uploads -type f | sed 's/^/upload /'
  ip -o link show type tun | sed 's/^[0-9]*: \\([^@:]*\\).*/tap \\1/'
  for pid in $(pgrep -x vulcan-spawner); do pgrep -a -P $pid | sed 's/^/command /'; done
  nft -j list ruleset | tr '{' '\\n' | grep -o '10\\.88\\.[0-9]*\\.[0-9]*' | grep -v '\\.0$' | grep -v '10\\.88\\.0\\.1$' | sort -u | sed 's/^/rule /'
  true
`

/** What vms have left on the node now; empty when nothing runs. */
export async function residue(): Promise<string[]> {
  const text = await onNode(`VULCAN_HOME=${await nodeHome()}; ${residueScript}`)
  return text.split('\n').filter((line) => line !== '')
}

/** $VULCAN_HOME as the node sees it. */
export async function nodeHome(): Promise<string> {
  return (await hasMachine()) ? '/var/lib/vulcan' : home
}

/** Ends the server by that signal, and sees to it that there is one again. */
export async function endServer(signal: string): Promise<void> {
  await onNode(`kill -${signal} $(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' ${await nodeHome()}/server.json)`)
  const up = await vulcan(['up'])
  if (up.code !== 0) throw new Error(`no server came after the one that was ended: ${up.stderr}`)
}

/** Starts the server anew, to keep so many vms of each class ready from now on. */
export async function keepReady(vms: number): Promise<void> {
  environment['VULCAN_POOL_VMS'] = String(vms)
  if (await hasMachine()) {
    const command = JSON.parse(await readFile(placesOf(home).serverConfig, 'utf8')) as ServerCommand
    const env = { ...command.env, VULCAN_POOL_VMS: String(vms) }
    return restartServer({ home, server: { ...command, env } })
  }
  for (const words of [['down'], ['up']]) {
    const said = await vulcan(words)
    if (said.code !== 0) throw new Error(`vulcan ${words.join(' ')}: ${said.stderr}`)
  }
}

/** Whether the node is the machine: asked once, since a machine that stops in between is started again. */
export async function hasMachine(): Promise<boolean> {
  place ??= server().then(({ place }) => place)
  return (await place) === 'machine'
}

let place: Promise<string> | undefined

/**
 * Resolves with what is left once the residue is empty, or after some minutes with what still is: a vm is removed after its
 * record is told, and a template may be in the making. Vms that wait for a run to come are no residue: they are drained.
 */
export async function settled(): Promise<string[]> {
  const until = Date.now() + 240_000
  await (await client()).drain()
  for (;;) {
    // All of it is dozens of processes, which on an emulated node keep what is looked for from going.
    const lives =
      (await tryOnNode(`pgrep -x 'firecracker|jailer' || ls -d ${await nodeHome()}/jails/firecracker/*/`)).code === 0
    if (!lives || Date.now() > until) {
      const left = await residue()
      if (left.length === 0 || Date.now() > until) return left
    }
    await sleep(1000)
  }
}

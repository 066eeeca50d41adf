/** Programs that are measured: each a process of its own with a home in a temporary folder, bound to one core where wanted. */
import { once } from 'node:events'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'

export interface Memory {
  readonly rss: number
  readonly heapUsed: number
}

export interface Measured extends AsyncDisposable {
  readonly url: string
  readonly home: string
  readonly headers: Readonly<Record<string, string>>
  /** As many connections as the benchmark has, kept open. */
  readonly pool: Pool
  /** In bytes, after a garbage collection. */
  memory(): Promise<Memory>
}

interface Started {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly options: StartOptions
}

export interface StartOptions {
  readonly connections: number
  /** Number of the core that the process is bound to. */
  readonly core?: number
  /** Folder for a processor profile. */
  readonly profile?: string | undefined
  /** What each sync takes longer than the disk does, in milliseconds; by strace. */
  readonly syncMs?: number | undefined
}

const source = (name: string) => join(import.meta.dirname, name)

/** Vulcan's own server on the scripted backend; `settings` by their names. */
export async function startServer(settings: Readonly<Record<string, number>>, o: StartOptions): Promise<Measured> {
  const given = { 'server.port': 0, ...settings }
  const variables = Object.entries(given).map(([name, value]) => [
    `VULCAN_${name.replaceAll('.', '_').toUpperCase()}`,
    String(value),
  ])
  const environment = { ...(Object.fromEntries(variables) as Record<string, string>), VULCAN_BACKEND: 'fake' }
  return start('server', { argv: [source('../src/main.ts'), 'serve'], environment, options: o })
}

/** The bare server (floor.ts) that does as little as can be. `sample`: what it writes, as floor.ts reads it. */
export async function startFloor(sample: unknown, o: StartOptions): Promise<Measured> {
  return start('floor', { argv: [source('floor.ts'), JSON.stringify(sample)], environment: {}, options: o })
}

/** Words before a program whose syncs take longer. It keeps its pid, and what it does else goes on beside. */
function slowDisk(ms: number): readonly string[] {
  const [calls, us] = ['fsync,fdatasync', Math.round(ms * 1000)]
  return [
    'strace',
    '-D',
    '-f',
    '--seccomp-bpf',
    '-qqq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:delay_exit=${us}`,
  ]
}

async function start(name: string, { argv, environment, options }: Started): Promise<Measured> {
  const home = await mkdtemp(join(tmpdir(), `vulcan-bench-${name}-`))
  const { core, profile, connections, syncMs } = options
  const pinned = core === undefined ? [] : ['taskset', '-c', String(core)]
  const profiled = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const slowed = syncMs === undefined ? [] : slowDisk(syncMs)
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning', '--import', source('probe.ts'), ...profiled]
  const [command = '', ...rest] = [...pinned, ...slowed, process.execPath, ...flags, ...argv]
  const child = spawn(command, rest, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
    env: { ...process.env, ...environment, VULCAN_HOME: home, VULCAN_READY_FD: '4' },
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2000)))
  const ready = once(child.stdio[4] as NodeJS.ReadableStream, 'data')
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${name} did not start: ${said}`)
  })
  await Promise.race([ready, ended])
  ended.catch(() => undefined)
  const { url } = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { url: string }
  const key = (await readFile(join(home, 'key'), 'utf8').catch(() => '')).trim()
  return measured(child, { url, home, key, connections })
}

interface Place {
  readonly url: string
  readonly home: string
  readonly key: string
  readonly connections: number
}

function measured(child: ChildProcess, { url, home, key, connections }: Place): Measured {
  const pool = new Pool(url, { connections, pipelining: 1 })
  return {
    ...{ url, home, pool },
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    async memory() {
      const answer = once(child, 'message')
      child.send('memory')
      const [memory] = (await answer) as [Memory]
      return memory
    },
    async [Symbol.asyncDispose]() {
      await pool.destroy()
      const gone = child.exitCode === null && once(child, 'exit')
      child.kill('SIGINT')
      await gone
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Posts JSON and gives back the answer's; throws on any answer that is not good. */
export async function post<T>(to: Measured, path: string, body: unknown): Promise<T> {
  const { headers, pool } = to
  const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) })
  if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`)
  return (await answer.body.json()) as T
}

export async function get(from: Measured, path: string): Promise<string> {
  const { headers, pool } = from
  const answer = await pool.request({ method: 'GET', path, headers })
  if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`)
  return answer.body.text()
}
